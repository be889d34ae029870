"""``POST /v1/audio/transcriptions`` as OpenAI's clients know it, and a word about translations."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace

from fastapi import APIRouter, Request, Response

from server.http.answers import answer, answer_events
from server.http.disconnect import while_connected
from server.http.errors import invalid
from server.http.event_stream import EventStream
from server.http.job_requests import accept_job, asks_for_job, jobs_of
from server.http.openapi import TRANSCRIPTION, TRANSLATION
from server.http.recording_requests import Received, receive, transcribe
from server.http.service import service_of
from server.http.upload import read_upload
from server.protocols.openai.diarization_request import recording_name
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.protocols.openai.transcription_wishes import transcription_wishes

router = APIRouter(prefix="/v1/audio", tags=["audio"])


@router.post(
    "/transcriptions",
    summary="Transcribe a recording",
    response_class=Response,
    openapi_extra=TRANSCRIPTION,
)
async def create_transcription(request: Request) -> Response:
    """Who said what when, or a job. Nothing of the body is read before there is a place for the request."""
    async with AsyncExitStack() as resources:
        reading = read_upload(request, TranscriptionParameters, transcription_wishes)
        check_room = jobs_of(request).check_room if asks_for_job(request) else None
        received = _with_defaults(request, await receive(request, resources, reading, check_room))
        parameters = received.upload.details
        request.state.log["format"] = parameters.response_format.value
        service_of(request.scope).check(received.upload.wishes)
        if parameters.background or check_room is not None:
            return await accept_job(request, received)
        if parameters.webhook_url is not None:
            raise invalid("webhook_url", "webhook_url needs background=true.")
        transcription = await transcribe(request, resources, received)
        if parameters.streamed:
            return EventStream(
                answer_events(transcription, parameters, recording_name(received.upload.filename)),
                heartbeat_seconds=service_of(request.scope).settings.heartbeat_seconds,
                resources=resources.pop_all(),
            )
        transcript = await while_connected(request.receive, transcription.whole())
    return await answer(transcript, parameters)


def _with_defaults(request: Request, received: Received[TranscriptionParameters]) -> Received[TranscriptionParameters]:
    """What the request leaves to the server is as the server has it, also for a job that another one finishes."""
    parameters = received.upload.details
    if parameters.tag_audio_events is not None:
        return received
    told = {"tag_audio_events": service_of(request.scope).settings.tag_audio_events}
    return replace(received, upload=replace(received.upload, details=parameters.model_copy(update=told)))


@router.post("/translations", summary="Not possible with this model", openapi_extra=TRANSLATION)
async def create_translation() -> Response:
    """400: the model writes what was said in the language it was said in."""
    raise invalid(None, "The model does not translate; use /v1/audio/transcriptions.", code="unsupported_endpoint")
