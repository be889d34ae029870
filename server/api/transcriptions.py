"""``POST /v1/audio/transcriptions`` as OpenAI's clients know it, and a word about translations."""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import perf_counter

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from model.steps import RunnerInfo, StreamSpec
from server.api.answers import answer, answer_events
from server.api.disconnect import while_connected
from server.api.errors import invalid
from server.api.event_stream import EventStream
from server.api.model_names import check_model
from server.api.openapi import TRANSCRIPTION_BODY, TRANSCRIPTION_RESPONSES
from server.api.recording import Recording, read_recording
from server.api.service import Service, service_of
from server.api.transcribing import Transcribing
from server.api.transcription_request import TranscriptionParameters
from server.api.upload import Upload, read_upload
from server.audio_in.errors import AudioError
from server.audio_in.limits import DecodeLimits
from server.engine.budget import answer_budget, context_limit

router = APIRouter(prefix="/v1/audio", tags=["audio"])

_DECODE_SECONDS = 120.0
"""Time that decoding one file may take; an hour of audio takes about four seconds."""


@router.post(
    "/transcriptions",
    summary="Transcribe a recording",
    response_class=Response,
    openapi_extra=TRANSCRIPTION_BODY,
    responses=TRANSCRIPTION_RESPONSES,
)
async def create_transcription(request: Request) -> Response:
    """Who said what when. Nothing of the body is read before there is a place for the request."""
    began = perf_counter()
    service, log = service_of(request.scope), request.state.log
    async with AsyncExitStack() as resources:
        ticket = resources.enter_context(service.admit())
        recording, parameters = await _receive(request, service)
        log |= {"audio_s": round(recording.seconds, 3), "format": parameters.response_format.value}
        ticket.add_audio(recording.seconds)
        service.metrics.audio_input.observe(recording.seconds)
        vocabulary = await service.vocabulary()
        assert service.engine.info is not None
        stream = await resources.enter_async_context(
            service.engine.open(
                _specify(recording, parameters, service.engine.info),
                frames=recording.frames,
                request_id=request.state.request_id,
            )
        )
        transcribing = Transcribing(stream, recording, vocabulary, metrics=service.metrics, began=began, log=log)
        if parameters.stream:
            return EventStream(
                answer_events(transcribing, parameters),
                heartbeat_seconds=service.settings.heartbeat_seconds,
                resources=resources.pop_all(),
            )
        transcript = await while_connected(request.receive, transcribing.whole())
        return answer(transcript, parameters)
    raise AssertionError("an exit stack of these resources swallows no exception")


@router.post("/translations", summary="Not possible with this model")
async def create_translation() -> Response:
    """400: the model writes what was said in the language it was said in."""
    raise invalid(None, "The model does not translate; use /v1/audio/transcriptions.", code="unsupported_endpoint")


async def _receive(request: Request, service: Service) -> tuple[Recording, TranscriptionParameters]:
    """Read the body and decode what is in it; nothing of it is left behind on the disk."""
    stage = "upload"
    try:
        async with read_upload(request) as upload:
            check_model(upload.parameters.model, service.settings)
            stage = "decode"
            return await while_connected(request.receive, _decode(service, upload)), upload.parameters
    except ClientDisconnect:
        service.metrics.cancellations.labels(stage).inc()
        raise


async def _decode(service: Service, upload: Upload) -> Recording:
    began = perf_counter()
    limits = DecodeLimits(service.settings.max_audio_seconds, _DECODE_SECONDS)
    try:
        recording = await read_recording(service.decoders, upload.file, upload.parameters, limits)
    except AudioError as error:
        service.metrics.decode_errors.labels(error.code.value).inc()
        raise
    service.metrics.decode.observe(perf_counter() - began)
    return recording


def _specify(recording: Recording, parameters: TranscriptionParameters, info: RunnerInfo) -> StreamSpec:
    context = parameters.context
    # A token has at least a byte, so this counts at most too many of them.
    context_tokens = len(context.encode()) if context else 0
    room = context_limit(info) - context_tokens
    return StreamSpec(
        context=context,
        level=recording.level,
        temperature=parameters.temperature,
        max_answer_tokens=answer_budget(recording.samples.size / info.sample_rate, room),
    )
