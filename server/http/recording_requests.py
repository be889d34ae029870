"""Requests that bring a recording: let in, transcribed by the room for recordings, counted and logged."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import replace
from time import perf_counter

from starlette.requests import ClientDisconnect, Request

from server.audio_in.errors import AudioError
from server.http.auth.callers import caller_of
from server.http.disconnect import while_connected
from server.http.middleware.body import announced_bytes
from server.http.recording_spans import RecordingSpans
from server.http.service import service_of
from server.http.upload import Details, Upload
from server.http.urgency import deadline_of, granted, urgent_at_the_door
from server.metrics.labels import Stage
from server.metrics.metrics import Metrics
from server.recordings.deadline import DeadlineExceeded, within
from server.recordings.transcription import Outcome, Transcription


async def open_transcription(
    request: Request, resources: AsyncExitStack, reading: AbstractAsyncContextManager[Upload[Details]]
) -> tuple[Transcription, Details]:
    """Have what ``reading`` finds in the body transcribed. Nothing of it is read while the engine is full.

    A body is read in a place for uploads, and gets one in the engine when all of it is there: who sends slowly keeps
    nobody else waiting, and may find that meanwhile others have come.

    ``resources`` gets what is to be given back, and counted, at the end of the answer; the body is among it, since a
    recording may have to be decoded again. Raises what `to_api_error` knows, and ClientDisconnect.
    """
    began = perf_counter()
    service, log = service_of(request.scope), request.state.log
    deadline, urgent = deadline_of(request), urgent_at_the_door(request)
    account = caller_of(request.scope).account
    resources.enter_context(account.request())
    service.check_room(announced_bytes(request.headers), urgent=urgent)
    spans = resources.enter_context(RecordingSpans(service.tracer))
    stage = Stage.UPLOAD
    try:
        async with within(deadline):
            with service.uploads.place():
                upload = await resources.enter_async_context(reading)
            service.metrics.upload.observe(perf_counter() - began)
            wishes = replace(upload.wishes, urgent=granted(request, urgent or upload.wishes.urgent))
            ticket = resources.enter_context(service.admit(account, urgent=wishes.urgent))
            stage = Stage.DECODE
            opening = service.recordings.transcription(
                upload.file, wishes, ticket=ticket, request_id=request.state.request_id
            )
            decoding = perf_counter()
            with spans.transcribing():
                transcription = await while_connected(request.receive, resources.enter_async_context(opening))
            spans.opened(transcription, decoding)
    except ClientDisconnect:
        service.metrics.cancellations.labels(stage.value).inc()
        raise
    except DeadlineExceeded:
        service.metrics.deadlines.labels(stage.value).inc()
        raise
    except AudioError as error:
        service.metrics.decode_errors.labels(error.code.value).inc()
        raise
    service.metrics.decode.observe(transcription.decode_seconds)
    service.metrics.audio_input.observe(transcription.recording.seconds)
    transcription.deadline = deadline
    resources.callback(_observe, transcription, service.metrics, log, began)
    return transcription, upload.details


def _observe(transcription: Transcription, metrics: Metrics, log: dict[str, object], began: float) -> None:
    """Count what became of a recording, and add it to its request's log record. ``began``: when the request came."""
    heard, outcome = transcription.heard_seconds, transcription.outcome
    metrics.audio.labels(outcome.value).inc(heard)
    log |= {"audio_s": round(transcription.recording.seconds, 3), "outcome": outcome.value}
    if transcription.recording.channels is not None:
        log["channels"] = transcription.recording.channels
    if transcription.expired:
        metrics.deadlines.labels(Stage.TRANSCRIBE.value).inc()
    if outcome is Outcome.CANCELLED:
        metrics.cancellations.labels(Stage.TRANSCRIBE.value).inc()
    if transcription.first_token_at is not None:
        metrics.first_token.observe(transcription.first_token_at - began)
    if transcription.first_segment_at is not None:
        metrics.first_segment.observe(transcription.first_segment_at - began)
    if transcription.transcript is not None and not transcription.transcript.complete:
        metrics.incomplete.inc()
    if (costs := transcription.costs) is not None:
        real_time_factor = costs.inference_seconds / transcription.recording.seconds
        metrics.queue.observe(costs.queue_seconds)
        metrics.inference.observe(costs.inference_seconds)
        metrics.real_time_factor.observe(real_time_factor)
        log |= {
            "queue_s": round(costs.queue_seconds, 3),
            "inference_s": round(costs.inference_seconds, 3),
            "rtf": round(real_time_factor, 4),
            "answer_tokens": costs.usage.answer_tokens,
            "end": costs.reason.value,
        }
