"""Requests that bring a recording: let in, transcribed by the room for recordings, counted and logged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Generic

from starlette.requests import ClientDisconnect, Request

from server.audio_in.errors import AudioError
from server.http.auth.callers import caller_of
from server.http.disconnect import while_connected
from server.http.middleware.body import announced_bytes
from server.http.recording_figures import observe
from server.http.recording_spans import RecordingSpans
from server.http.service import Service, service_of
from server.http.upload import Details, Upload
from server.http.urgency import deadline_of, granted, urgent_at_the_door
from server.metrics.labels import Stage
from server.recordings.deadline import DeadlineExceeded, within
from server.recordings.transcription import Transcription


@dataclass(frozen=True, slots=True)
class Received(Generic[Details]):
    """A request whose body is there.

    Attributes:
        began: when it came, by ``perf_counter``.
        deadline: until when its answer is worth having, by the event loop's clock.
        urgent: it goes before others, as it may.
    """

    upload: Upload[Details]
    began: float
    deadline: float | None
    urgent: bool
    spans: RecordingSpans


async def open_transcription(
    request: Request, resources: AsyncExitStack, reading: AbstractAsyncContextManager[Upload[Details]]
) -> tuple[Transcription, Details]:
    """Have what ``reading`` finds in the body transcribed: `receive`, then `transcribe`."""
    received = await receive(request, resources, reading)
    return await transcribe(request, resources, received), received.upload.details


async def receive(
    request: Request,
    resources: AsyncExitStack,
    reading: AbstractAsyncContextManager[Upload[Details]],
    check_room: Callable[[int], None] | None = None,
) -> Received[Details]:
    """Read the body of a request. Nothing of it is read while the engine is full.

    A body is read in a place for uploads, and gets one in the engine when all of it is there: who sends slowly keeps
    nobody else waiting, and may find that meanwhile others have come.

    ``resources`` gets what is to be given back at the end of the answer; the body is among it, since a recording may
    have to be decoded again. Raises what `to_api_error` knows, and ClientDisconnect.

    ``check_room``: for one that takes no place in the engine; raises where there is none for as many bytes.
    """
    began = perf_counter()
    service = service_of(request.scope)
    deadline, urgent = deadline_of(request), urgent_at_the_door(request)
    announced = announced_bytes(request.headers)
    if check_room is None:
        resources.enter_context(caller_of(request.scope).account.request())
        service.check_room(announced, urgent=urgent)
    else:
        service.check_upload(announced)
        check_room(announced)
    spans = resources.enter_context(RecordingSpans(service.tracer))
    with counted(service, Stage.UPLOAD):
        async with within(deadline):
            with service.uploads.place():
                upload = await resources.enter_async_context(reading)
            service.metrics.upload.observe(perf_counter() - began)
            urgent = granted(request, urgent or upload.wishes.urgent)
    return Received(upload, began, deadline, urgent, spans)


async def transcribe(request: Request, resources: AsyncExitStack, received: Received[Details]) -> Transcription:
    """Have a recording that was received transcribed.

    ``resources`` gets what is to be given back, and counted, at the end of the answer. Raises what `to_api_error`
    knows, and ClientDisconnect.
    """
    service, upload, spans = service_of(request.scope), received.upload, received.spans
    wishes = replace(upload.wishes, urgent=received.urgent)
    ticket = resources.enter_context(service.admit(caller_of(request.scope).account, urgent=wishes.urgent))
    with counted(service, Stage.DECODE):
        async with within(received.deadline):
            opening = service.recordings.transcription(
                upload.file, wishes, ticket=ticket, request_id=request.state.request_id
            )
            decoding = perf_counter()
            with spans.transcribing():
                transcription = await while_connected(request.receive, resources.enter_async_context(opening))
            spans.opened(transcription, decoding)
    service.metrics.decode.observe(transcription.decode_seconds)
    service.metrics.audio_input.observe(transcription.recording.seconds)
    transcription.deadline = received.deadline
    resources.callback(observe, transcription, service.metrics, request.state.log, received.began)
    return transcription


@contextmanager
def counted(service: Service, stage: Stage) -> Iterator[None]:
    """Whoever leaves, or is too late, in this stage."""
    try:
        yield
    except ClientDisconnect:
        service.metrics.cancellations.labels(stage.value).inc()
        raise
    except DeadlineExceeded:
        service.metrics.deadlines.labels(stage.value).inc()
        raise
    except AudioError as error:
        service.metrics.decode_errors.labels(error.code.value).inc()
        raise
