"""Traces of jobs: accepted in the request's, run in traces of their own, linked to it, however long it is over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from server.logs import JsonFormatter
from server.traceparent import sampled
from server.tracing.otel import OtelTracer
from tests.server.http.test_job_replicas import RECORDING, replica, segments
from tests.server.http.test_job_webhooks import SECRET, Hook, receiving, status
from tests.server.http.test_jobs import done
from tests.server.http.test_observability import log_lines
from tests.server.http.test_tracing import PATH, SAMPLED, TRACE_ID, identity, parents
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

UNSAMPLED = SAMPLED[:-2] + "00"


@pytest.fixture(scope="module")
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def tracer(exported: InMemorySpanExporter) -> OtelTracer:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exported))
    return OtelTracer(provider)


@pytest.fixture(scope="module")
def traced(exported: InMemorySpanExporter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(
        tracer=tracer(exported),
        jobs_folder=tmp_path_factory.mktemp("jobs"),
        webhook_hosts=("localhost",),
        webhook_secrets=(SECRET,),
        webhook_private_addresses=True,
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def forget(exported: InMemorySpanExporter) -> None:
    exported.clear()


@pytest.fixture
def hook() -> Iterator[Hook]:
    with receiving(None) as receiver:
        yield receiver


def submit(server: RunningServer, recording: bytes, trace: str = SAMPLED, **fields: str) -> str:
    answer = httpx.post(
        f"{server.url}{PATH}",
        files={"file": ("private-name.wav", recording)},
        data={"background": "true", "prompt": "private prompt"} | fields,
        headers={"traceparent": trace},
        timeout=PATIENCE,
    )
    assert answer.status_code == 202, answer.text
    job: str = answer.json()["id"]
    return job


def spans_of(server: RunningServer, exported: InMemorySpanExporter, *last: str) -> dict[str, ReadableSpan]:
    """By name, once there are those of these names. Asking how far a job is makes spans as well."""

    def found() -> dict[str, ReadableSpan]:
        return {span.name: span for span in exported.get_finished_spans() if not span.name.startswith("GET ")}

    server.wait_for(lambda: set(last) <= set(found()), "the spans end")
    return found()


def causes(span: ReadableSpan) -> list[int]:
    """The spans that this one is linked to."""
    return [link.context.span_id for link in span.links]


def test_a_job_is_followed_from_its_request_to_its_webhook(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes, hook: Hook
) -> None:
    job = submit(traced, wav, webhook_url=hook.url)
    spans = spans_of(traced, exported, "job.webhook", "engine.stream", f"POST {PATH}")
    assert parents(spans) == {
        f"POST {PATH}": None,
        "upload": f"POST {PATH}",
        "job.accept": f"POST {PATH}",
        "job.run": None,
        "decode": "job.run",
        "engine.stream": "job.run",
        "engine.queue": "engine.stream",
        "engine.encode": "engine.stream",
        "engine.prefill": "engine.stream",
        "engine.generate": "engine.stream",
        "job.webhook": None,
    }
    accepted, run, sent = (spans[f"job.{name}"] for name in ("accept", "run", "webhook"))
    assert f"{identity(accepted).trace_id:032x}" == TRACE_ID
    assert causes(run) == causes(sent) == [identity(accepted).span_id]
    assert len({identity(span).trace_id for span in (accepted, run, sent)}) == 3
    told = dict(run.attributes or {})
    assert (told["asr.job"], told["asr.audio_s"], told["asr.outcome"]) == (job, 3.0, "transcribed")
    assert [event.name for event in run.events] == ["first token"]
    assert sent.kind is SpanKind.CLIENT
    assert dict(sent.attributes or {})["http.response.status_code"] == 204
    assert all(span.status.status_code is StatusCode.UNSET for span in spans.values())
    ((headers, _),) = hook.heard
    context = identity(sent)
    below = headers["traceparent"]
    assert below.startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-"), "the receiver goes on"
    assert sampled(below)
    everything = " ".join(span.to_json() for span in exported.get_finished_spans())
    for secret in ("private", "Good morning", "localhost:", "/told"):
        assert secret not in everything


def test_what_goes_wrong_is_an_error_of_the_span_that_it_ends(
    traced: RunningServer, exported: InMemorySpanExporter, hook: Hook
) -> None:
    hook.answers.append(status(410))
    job = submit(traced, b"no audio", webhook_url=hook.url)
    assert done(traced, job)["status"] == "failed"
    spans = spans_of(traced, exported, "job.webhook")
    failed = {name: (span.attributes or {})["error.type"] for name, span in spans.items() if not span.status.is_unset}
    assert failed == {"job.run": "AudioError", "job.webhook": "410"}


def test_what_is_not_sampled_above_is_not_recorded_when_it_runs(
    traced: RunningServer, exported: InMemorySpanExporter, wav: bytes, hook: Hook
) -> None:
    submit(traced, wav, UNSAMPLED, webhook_url=hook.url)
    traced.wait_for(lambda: len(hook.heard) == 1, "the message comes")
    submit(traced, wav, webhook_url=hook.url)
    spans_of(traced, exported, "job.webhook", "engine.stream")
    assert [span.name for span in exported.get_finished_spans()].count("job.run") == 1
    links = [link for span in exported.get_finished_spans() for link in span.links]
    assert {f"{link.context.trace_id:032x}" for link in links} == {TRACE_ID}


def test_the_process_that_goes_on_with_a_job_is_linked_to_the_same_request(tmp_path: Path) -> None:
    exported = InMemorySpanExporter(), InMemorySpanExporter()
    with replica(tmp_path, 0.01, tracer=tracer(exported[0])) as first:
        job = submit(first, RECORDING)
        first.wait_for(lambda: segments(first, job) >= 3, "some of it is done")
        first.stop()
    with replica(tmp_path, 0.0, tracer=tracer(exported[1])) as second:
        assert done(second, job)["status"] == "completed"
    spans = [span for each in exported for span in each.get_finished_spans()]
    (accepted,) = (span for span in spans if span.name == "job.accept")
    runs = [span for span in spans if span.name == "job.run"]
    assert [causes(run) for run in runs] == [[identity(accepted).span_id]] * 2
    told = [dict(run.attributes or {}) for run in runs]
    assert [attributes.get("error.type") for attributes in told] == ["CancelledError", None]
    begun = [attributes["asr.job_segments"] for attributes in told]
    assert begun[0] == 0
    assert isinstance(begun[1], int)
    assert begun[1] >= 3


def test_log_lines_of_a_job_bear_the_trace_of_its_request_where_nothing_is_traced(
    server: RunningServer, wav: bytes
) -> None:
    with log_lines(JsonFormatter()) as written:
        job = submit(server, wav)
        server.wait_for(lambda: "a try at a job" in written.getvalue(), "it is logged")
    lines = [line for line in map(json.loads, written.getvalue().splitlines()) if line.get("job") == job]
    (tried,) = [line for line in lines if line["logger"] == "server.jobs" and "outcome" in line]
    assert tried["trace_id"] == TRACE_ID
