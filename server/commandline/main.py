"""The console script ``vibevoice-asr``.

A worker process imports this module again on its way up, so nothing is imported before it is to be run.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Do what the arguments of this process say, and leave with a `Status`."""
    from server.commandline.app import run

    sys.exit(run())
