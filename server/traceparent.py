"""Which trace the running task belongs to, as W3C Trace Context writes it: ``00-<trace id>-<span id>-<flags>``.

A ``traceparent`` is all that crosses from one process to another. https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import re
from contextvars import ContextVar

current: ContextVar[str | None] = ContextVar("traceparent", default=None)
"""Of the span that the running task works for."""

_VERSION_0 = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_UNSAMPLED = "00"


def is_traceparent(header: str) -> bool:
    """Whether ``header`` names a span. Only version 0 is known, and there is no other."""
    return _VERSION_0.fullmatch(header) is not None


def trace_id(traceparent: str) -> str:
    """The 32 digits of the whole trace."""
    return traceparent[3:35]


def sampled(traceparent: str) -> bool:
    """Whether spans below this one are recorded."""
    return bool(int(traceparent[-2:], 16) & 1)


def unsampled(traceparent: str) -> str:
    """The same, with nothing recorded below it."""
    return traceparent[:-2] + _UNSAMPLED
