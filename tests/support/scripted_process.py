"""``python -m tests.support.scripted_process STEP_SECONDS FLAGS``: the scripted server as a process of its own."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from tests.support.scripted_server import serve  # not in the worker, which imports this module again

    serve(float(sys.argv[1]), sys.argv[2:])
