"""Traces from a request's edge to the worker's phases: whose child each span is, what it tells, and where it goes."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import httpx
import pytest
import soundfile  # type: ignore[import-untyped]
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode
from websockets.sync.client import connect

from server.logs import JsonFormatter
from server.serving.server import serve
from server.tracing.environment import TracingError, exporter_of, make_tracer
from server.tracing.otel import OtelTracer
from server.tracing.tracer import NO_TRACES
from tests.server.http.live_echo import address
from tests.server.http.test_observability import log_lines
from tests.support.samples import SHORT
from tests.support.scripted_runner import Trouble
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner, endless_answer

PATH = "/v1/audio/transcriptions"
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED = f"00-{TRACE_ID}-{SPAN_ID}-01"
OTLP = "http://collector:4318"


@pytest.fixture(scope="module")
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture(scope="module")
def traced(exported: InMemorySpanExporter) -> Iterator[RunningServer]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    with running_server(partial(SpeakingRunner, step_seconds=0.002), tracer=OtelTracer(provider)) as running:
        yield running


@pytest.fixture(autouse=True)
def forget(exported: InMemorySpanExporter) -> None:
    exported.clear()


def spans_of(server: RunningServer, exported: InMemorySpanExporter, root: str) -> Mapping[str, ReadableSpan]:
    """By name, once the one of that name, which ends last, has ended and the worker told its part."""

    def complete() -> bool:
        return {root, "engine.stream"} <= {span.name for span in exported.get_finished_spans()}

    server.wait_for(complete, "the spans end")
    return {span.name: span for span in exported.get_finished_spans()}


def identity(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


def parents(spans: Mapping[str, ReadableSpan]) -> dict[str, str | None]:
    """By name, whose child each is; None for one that is not among them."""
    names = {identity(span).span_id: name for name, span in spans.items()}
    return {name: names.get(span.parent.span_id) if span.parent else None for name, span in spans.items()}


def times(span: ReadableSpan) -> tuple[int, int]:
    assert span.start_time is not None
    assert span.end_time is not None
    return span.start_time, span.end_time


def upload(server: RunningServer, wav: bytes, trace: str | None = SAMPLED, **fields: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}{PATH}?secret=query",
        files={"file": ("private-name.wav", wav)},
        data={"prompt": "private prompt"} | fields,
        headers={"x-request-id": "id-of-mine"} | ({} if trace is None else {"traceparent": trace}),
        timeout=PATIENCE,
    )


# ------------------------------------------------------------------------------------------------------- recordings


@pytest.mark.parametrize("stream", ["false", "true"])
def test_a_recording_is_followed_into_the_worker(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes, stream: str
) -> None:
    assert upload(traced, wav, stream=stream).status_code == 200
    spans = spans_of(traced, exported, f"POST {PATH}")
    assert parents(spans) == {
        f"POST {PATH}": None,
        "upload": f"POST {PATH}",
        "transcribe": f"POST {PATH}",
        "decode": "transcribe",
        "engine.stream": "transcribe",
        "engine.queue": "engine.stream",
        "engine.encode": "engine.stream",
        "engine.prefill": "engine.stream",
        "engine.generate": "engine.stream",
    }
    root = spans[f"POST {PATH}"]
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == SPAN_ID
    assert {f"{identity(span).trace_id:032x}" for span in spans.values()} == {TRACE_ID}
    assert root.kind is SpanKind.SERVER
    told = dict(root.attributes or {})
    assert (told["http.request.method"], told["http.route"], told["http.response.status_code"]) == ("POST", PATH, 200)
    assert (told["asr.request_id"], told["asr.audio_s"], told["asr.outcome"]) == ("id-of-mine", 3.0, "transcribed")
    assert all(span.status.status_code is StatusCode.UNSET for span in spans.values())


def test_what_the_worker_tells_lies_within_what_the_server_saw(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes
) -> None:
    """Also in time: both processes read the same clock. It is made Unix time in two places, some milliseconds apart."""
    upload(traced, wav)
    spans = spans_of(traced, exported, f"POST {PATH}")
    whole = times(spans["transcribe"])
    parts = [times(spans[f"engine.{phase}"]) for phase in ("queue", "encode", "prefill", "generate")]
    slack = 50_000_000
    assert whole[0] - slack <= times(spans["decode"])[0] <= parts[0][0] + slack
    assert parts == sorted(parts)
    assert parts[-1][1] <= whole[1] + slack
    assert [event.name for event in spans["transcribe"].events] == ["first token"]
    assert parts[2][1] - slack <= spans["transcribe"].events[0].timestamp <= parts[3][1] + slack
    steps = {name: (span.attributes or {}).get("asr.steps") for name, span in spans.items() if "engine." in name}
    phases = [count for name, count in steps.items() if name != "engine.stream"]
    assert steps["engine.generate"] != 0
    assert sum(count for count in phases if isinstance(count, int)) == steps["engine.stream"]


def test_nothing_private_is_told(traced: RunningServer, exported: InMemorySpanExporter, wav: bytes) -> None:
    upload(traced, wav)
    httpx.get(f"{traced.url}/v1/private/path?secret=query")
    spans_of(traced, exported, "GET")
    everything = " ".join(span.to_json() for span in exported.get_finished_spans())
    for secret in ("private", "secret", "query", "Good morning", "Grün"):
        assert secret not in everything


def test_without_a_trace_above_it_a_request_begins_one(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes
) -> None:
    for trace in (None, "00-" + "0" * 32 + f"-{SPAN_ID}-01", "nonsense"):
        exported.clear()
        upload(traced, wav, trace)
        root = spans_of(traced, exported, f"POST {PATH}")[f"POST {PATH}"]
        assert root.parent is None


def test_what_is_not_sampled_above_is_not_recorded_here(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes
) -> None:
    assert upload(traced, wav, SAMPLED[:-2] + "00").status_code == 200
    upload(traced, wav)
    spans_of(traced, exported, f"POST {PATH}")
    assert len(exported.get_finished_spans()) == 9, "those of the second request"


@pytest.mark.parametrize(
    ("prompt", "status", "of_request", "of_stream"),
    [(Trouble.OUT_OF_MEMORY, 503, "503", "out_of_memory"), (Trouble.BAD_QUESTION, 500, "500", "internal_error")],
)
def test_failures_are_errors_of_every_span_that_they_end(
    traced: RunningServer,
    exported: InMemorySpanExporter,
    wav: bytes,
    prompt: str,
    status: int,
    of_request: str,
    of_stream: str,
) -> None:
    assert upload(traced, wav, prompt=prompt).status_code == status
    spans = spans_of(traced, exported, f"POST {PATH}")
    failed = {name: (span.attributes or {})["error.type"] for name, span in spans.items() if not span.status.is_unset}
    assert failed == {f"POST {PATH}": of_request, "transcribe": "EngineError", "engine.stream": of_stream}


def test_a_client_that_leaves_ends_what_it_began(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes
) -> None:
    data = {"prompt": endless_answer(), "stream": "true"}
    with httpx.stream(
        "POST", f"{traced.url}{PATH}", files={"file": wav}, data=data, headers={"traceparent": SAMPLED}
    ) as answer:
        next(answer.iter_raw())
    spans = spans_of(traced, exported, f"POST {PATH}")
    assert (spans["transcribe"].attributes or {})["error.type"] == "cancelled"
    assert "engine.generate" in spans


# --------------------------------------------------------------------------------------------------------- sessions


def test_a_live_session_is_one_span_with_its_windows_below(
    traced: RunningServer, exported: InMemorySpanExporter
) -> None:
    samples, rate = soundfile.read(SHORT, dtype="int16")
    path = f"/v1/listen?encoding=linear16&sample_rate={rate}"
    with connect(
        address(traced, path), proxy=None, open_timeout=60, additional_headers={"traceparent": SAMPLED}
    ) as socket:
        socket.send(samples.tobytes())
        socket.send(json.dumps({"type": "CloseStream"}))
        for _ in socket:
            pass
    spans = spans_of(traced, exported, "GET /v1/listen")
    assert parents(spans)["engine.stream"] == "GET /v1/listen"
    told: Mapping[str, Any] = spans["GET /v1/listen"].attributes or {}
    assert (told["http.response.status_code"], told["asr.end"]) == (101, "closed")
    assert told["asr.audio_s"] == pytest.approx(len(samples) / rate, abs=0.01)
    window: Mapping[str, Any] = spans["engine.stream"].attributes or {}
    assert window["asr.answers"] >= 1
    assert window["asr.steps"] >= window["asr.answers"]


def test_probes_are_no_traces(traced: RunningServer, exported: InMemorySpanExporter) -> None:
    for path in ("/health", "/ready", "/metrics"):
        httpx.get(f"{traced.url}{path}", headers={"traceparent": SAMPLED})
    httpx.get(f"{traced.url}/v1/models")
    traced.wait_for(lambda: bool(exported.get_finished_spans()), "the last is told")
    assert [span.name for span in exported.get_finished_spans()] == ["GET /v1/models"]


# ------------------------------------------------------------------------------------------------- off, and where to


def test_log_lines_bear_the_trace_with_and_without_spans(
    traced: RunningServer, server: RunningServer, wav: bytes
) -> None:
    for running in (traced, server):
        with log_lines(JsonFormatter()) as written:
            upload(running, wav)
            running.wait_for(lambda: "server.access" in written.getvalue(), "it is logged")
        lines = [line for line in map(json.loads, written.getvalue().splitlines()) if line["logger"] == "server.access"]
        assert [(line["trace_id"], line["request_id"]) for line in lines] == [(TRACE_ID, "id-of-mine")]


def test_without_a_word_of_it_nothing_is_traced() -> None:
    """Nor is the SDK imported: see tests/test_walls.py."""
    assert make_tracer({}) is NO_TRACES


@pytest.mark.parametrize(
    ("environ", "exporter"),
    [
        ({}, None),
        ({"OTEL_SERVICE_NAME": "asr", "OTEL_TRACES_SAMPLER": "always_on"}, None),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": OTLP}, None),
        ({"OTEL_TRACES_EXPORTER": "", "OTEL_EXPORTER_OTLP_ENDPOINT": " "}, None),
        ({"OTEL_SDK_DISABLED": "TRUE", "OTEL_EXPORTER_OTLP_ENDPOINT": OTLP}, None),
        ({"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": OTLP}, None),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": OTLP}, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "Console"}, "console"),
    ],
)
def test_traces_go_where_the_environment_says_and_nowhere_without(
    environ: dict[str, str], exporter: str | None
) -> None:
    assert exporter_of(environ) == exporter


@pytest.mark.parametrize(
    "environ",
    [
        {"OTEL_TRACES_EXPORTER": "zipkin"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
    ],
)
def test_what_cannot_be_sent_is_said_at_the_start(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert serve(["--model", "tiny", "--port", "0"]) == 2
    assert capsys.readouterr().err.startswith("OTEL_")


def test_without_the_sdk_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto", None)
    with pytest.raises(TracingError, match=r"vibevoice-asr-server\[tracing\]"):
        exporter_of({"OTEL_EXPORTER_OTLP_ENDPOINT": OTLP})


class _Collector(BaseHTTPRequestHandler):
    received: ClassVar[list[tuple[str, bytes]]] = []

    def do_POST(self) -> None:
        self.received.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_a_collector_gets_the_spans_before_the_tracer_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over OTLP, with the names that the environment gives before the server's own."""
    with HTTPServer(("127.0.0.1", 0), _Collector) as collector:
        thread = threading.Thread(target=collector.serve_forever)
        thread.start()
        try:
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{collector.server_port}")
            monkeypatch.setenv("OTEL_SERVICE_NAME", "transcripts")
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
            tracer = make_tracer(os.environ)
            tracer.start("a span of the test", None).end()
            tracer.close()
        finally:
            collector.shutdown()
            thread.join()
    [(path, body)] = _Collector.received
    assert path == "/v1/traces"
    assert b"a span of the test" in body
    assert b"transcripts" in body
