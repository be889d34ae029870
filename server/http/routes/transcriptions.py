"""``POST /v1/audio/transcriptions`` as OpenAI's clients know it, and a word about translations."""

from __future__ import annotations

from contextlib import AsyncExitStack
from time import perf_counter

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from server.http.answers import answer, answer_events
from server.http.disconnect import while_connected
from server.http.errors import invalid
from server.http.event_stream import EventStream
from server.http.model_names import check_model
from server.http.openapi import TRANSCRIPTION_BODY, TRANSCRIPTION_RESPONSES
from server.http.service import Service, service_of
from server.http.upload import read_upload
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.recordings.file_transcription import decode_upload, open_transcribing
from server.recordings.recording import Recording

router = APIRouter(prefix="/v1/audio", tags=["audio"])


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
        log["format"] = parameters.response_format.value
        transcribing = await resources.enter_async_context(
            open_transcribing(
                service, ticket, recording, parameters, request_id=request.state.request_id, began=began, log=log
            )
        )
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
            work = decode_upload(service, upload.file, upload.parameters)
            return await while_connected(request.receive, work), upload.parameters
    except ClientDisconnect:
        service.metrics.cancellations.labels(stage).inc()
        raise
