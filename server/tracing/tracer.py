"""Spans as the server uses them, and how nothing is traced. OpenTelemetry itself is in `server.tracing.otel` alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from server.traceparent import current

Attribute = str | bool | int | float


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
        server: bool = False,
        began: float | None = None,
        attributes: Mapping[str, Attribute] | None = None,
    ) -> Span:
        """Begin a span below ``parent``, a traceparent; without one it begins a trace.

        ``server``: it answers a request from outside. ``began``: monotonic seconds, by default now.
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
        server: bool = False,
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
def working_for(span: Span) -> Iterator[None]:
    """Inside, the running task and those that it starts work for ``span``: logs and the engine are told so."""
    token = current.set(span.traceparent or current.get())
    try:
        yield
    finally:
        current.reset(token)
