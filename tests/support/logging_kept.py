"""Leave logging as it was: what sets it up for a whole process writes to a standard error that a test's end closes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def logging_kept() -> Iterator[None]:
    """Whatever `configure_logging` does inside is undone."""
    root, uvicorn = logging.getLogger(), logging.getLogger("uvicorn")
    handlers, level, uvicorn_level = root.handlers[:], root.level, uvicorn.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        uvicorn.setLevel(uvicorn_level)
