"""``python -m server`` and the console script ``vibevoice-asr-server``.

The worker process imports this module again on its way up, so the server is imported only when it is to be run.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Serve until stopped, as the flags of this process say. Returns the exit status."""
    from server.serving.server import serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
