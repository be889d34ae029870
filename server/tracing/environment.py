"""OpenTelemetry's standard environment variables, as far as they decide whether and where to traces go.

Everything else of them is the SDK's own to read: ``OTEL_SERVICE_NAME``, ``OTEL_RESOURCE_ATTRIBUTES``,
``OTEL_TRACES_SAMPLER``, ``OTEL_BSP_*``, ``OTEL_EXPORTER_OTLP_*``.
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Literal

from server.tracing.tracer import NO_TRACES, Tracer

Exporter = Literal["otlp", "console"]
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_SUPPORTED = "http/protobuf"
_NEEDED = {"otlp": "opentelemetry.exporter.otlp.proto.http", "console": "opentelemetry.sdk"}


class TracingError(Exception):
    """Traces are asked for in a way that cannot be; the message is for the operator."""


def exporter_of(environ: Mapping[str, str]) -> Exporter | None:
    """Where traces go by these variables; None: nowhere, which is so unless they are asked for.

    The specification exports to a collector on this machine unless told otherwise. Here nothing leaves the process that
    nobody asked for: an exporter or an endpoint has to be named. Raises TracingError.
    """
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    named = given.get("OTEL_TRACES_EXPORTER", "otlp" if any(name in given for name in _ENDPOINTS) else "none").lower()
    if given.get("OTEL_SDK_DISABLED", "").lower() == "true" or named == "none":
        return None
    if named not in _NEEDED:
        raise TracingError(f"OTEL_TRACES_EXPORTER is {named}: it can be otlp, console or none.")
    protocol = next((given[name] for name in _PROTOCOLS if name in given), _SUPPORTED)
    if named == "otlp" and protocol != _SUPPORTED:
        raise TracingError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol}: traces are sent only as {_SUPPORTED}.")
    if not _installed(_NEEDED[named]):
        raise TracingError("Traces need OpenTelemetry's SDK: pip install 'vibevoice-asr-server[tracing]'.")
    return "otlp" if named == "otlp" else "console"


def make_tracer(environ: Mapping[str, str]) -> Tracer:
    """The tracer that these variables ask for. Raises TracingError."""
    if (exporter := exporter_of(environ)) is None:
        return NO_TRACES
    from server.tracing.otel import OtelTracer, exporting_provider

    return OtelTracer(exporting_provider(exporter))


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # not even what it is in
        return False
