"""Spans with OpenTelemetry's SDK. Imported where traces are asked for, and nowhere else.

The SDK's global provider stays as it is: what libraries would trace by themselves (paths, queries) is not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic, time_ns

from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, get_current_span
from opentelemetry.trace import Span as SdkSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from server.traceparent import sampled
from server.tracing.environment import Exporter
from server.tracing.tracer import Attribute, Kind, Span
from server.version import VERSION

_SERVICE = "vibevoice-asr-server"
_PROPAGATOR = TraceContextTextMapPropagator()
_KINDS = {Kind.INTERNAL: SpanKind.INTERNAL, Kind.SERVER: SpanKind.SERVER, Kind.CLIENT: SpanKind.CLIENT}


def exporting_provider(exporter: Exporter) -> TracerProvider:
    """Sends spans in batches from a thread of its own; the SDK reads from the environment where to and how many."""
    # Names that the environment gives come first.
    resource = Resource({SERVICE_NAME: _SERVICE, SERVICE_VERSION: VERSION})
    provider = TracerProvider(resource=Resource.create().merge(resource).merge(OTELResourceDetector().detect()))
    if exporter == "console":
        provider.add_span_processor(BatchSpanProcessor(ConsoleSpanExporter()))
    else:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class OtelTracer:
    """A `Tracer` over a provider, which it closes."""

    records = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(_SERVICE, VERSION)

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
        """See `Tracer.start`. Only ``parent`` is above it, whatever the running task works for."""
        if follows is not None and not sampled(follows):
            parent, follows = follows, None  # a sampler decides by what is above, and never by links
        links = [] if follows is None else [Link(get_current_span(_context(follows)).get_span_context())]
        above = Context() if parent is None else _context(parent)
        return _OtelSpan(self._tracer.start_span(name, above, _KINDS[kind], attributes, links, start_time=_unix(began)))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


def _context(traceparent: str) -> Context:
    return _PROPAGATOR.extract({"traceparent": traceparent}, Context())


class _OtelSpan:
    def __init__(self, span: SdkSpan) -> None:
        self._span = span

    @property
    def traceparent(self) -> str | None:
        context = self._span.get_span_context()
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def set(self, attributes: Mapping[str, Attribute]) -> None:
        self._span.set_attributes(attributes)

    def event(self, name: str, at: float | None = None) -> None:
        self._span.add_event(name, timestamp=_unix(at))

    def end(self, *, error: str | None = None, at: float | None = None) -> None:
        if self._span.is_recording():
            if error is not None:
                self._span.set_attribute("error.type", error)
                self._span.set_status(Status(StatusCode.ERROR))
            self._span.end(_unix(at))


def _unix(at: float | None) -> int | None:
    """Monotonic seconds as nanoseconds of Unix time."""
    return None if at is None else time_ns() - round((monotonic() - at) * 1e9)
