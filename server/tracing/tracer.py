"""Spans as the server uses them, and how nothing is traced. OpenTelemetry itself is in `server.tracing.otel` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum, auto
from typing import Protocol

from server.traceparent import current

Attribute = str | bool | int | float


class Kind(Enum):
    """On which side of a connection a span's work is done."""

    INTERNAL = auto()
    SERVER = auto()
    """It answers a request from outside."""
    CLIENT = auto()
    """It is a request to somebody outside."""


class Span(Protocol):
    """A part of the work. Times are seconds of the monotonic clock; None is now."""

    @property
    def traceparent(self) -> str | None:
        """What parts of it are started below; None where nothing is traced."""
        ...

    def rename(self, name: str) -> None: ...

    def set(self, attributes: Mapping[str, Attribute]) -> None:
        """More of what is known about it."""
        ...

    def event(self, name: str, at: float | None = None) -> None:
        """Something happened in it."""
        ...

    def end(self, *, error: str | None = None, at: float | None = None) -> None:
        """It is over; ``error``: the kind of what went wrong. Only the first end counts."""
        ...


class Tracer(Protocol):
    """Starts spans, from any thread."""

    @property
    def records(self) -> bool:
        """Whether there is anybody whom spans are told."""
        ...

    def start(
        self,
        name: str,
        parent: str | None,
        *,
        kind: Kind = Kind.INTERNAL,
        follows: str | None = None,
        began: float | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Span:
        """Begin a span below ``parent``, a traceparent; without one it begins a trace.

        ``follows``: the traceparent of what caused it and was over before, maybe long ago. The new trace is linked to
        that one, and recorded where that one is. ``began``: monotonic seconds, by default now.
        """
        ...

    def close(self) -> None:
        """Tell what is not told yet. Takes some seconds where nobody listens."""
        ...


class _NoSpan:
    traceparent: str | None = None

    def rename(self, name: str) -> None:
        pass

    def set(self, attributes: Mapping[str, Attribute]) -> None:
        pass

    def event(self, name: str, at: float | None = None) -> None:
        pass

    def end(self, *, error: str | None = None, at: float | None = None) -> None:
        pass


class _NoTracer:
    records = False

    def start(
        self,
        name: str,
        parent: str | None,
        *,
        kind: Kind = Kind.INTERNAL,
        follows: str | None = None,
        began: float | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Span:
        return _NO_SPAN

    def close(self) -> None:
        pass


_NO_SPAN = _NoSpan()
NO_TRACES: Tracer = _NoTracer()
"""Nothing is traced."""


@contextmanager
def working_for(span: Span, otherwise: str | None = None) -> Iterator[None]:
    """Inside, the running task and those that it starts work for ``span``: logs and the engine are told so.

    ``otherwise``: the trace that they are told where there is none of this server's own.
    """
    token = current.set(span.traceparent or otherwise or current.get())
    try:
        yield
    finally:
        current.reset(token)


@contextmanager
def ending(span: Span) -> Iterator[Span]:
    """``span``, which ends with the context; what is raised in it is its error."""
    try:
        yield span
    except BaseException as error:
        span.end(error=type(error).__name__)
        raise
    span.end()
