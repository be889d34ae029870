"""``POST /v1/audio/diarization``, as LocalAI and speaches have it: who spoke when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from server.http.answers import noted
from server.http.disconnect import while_connected
from server.http.long_json import LongJSONResponse
from server.http.openapi import TRANSCRIPTION_RESPONSES
from server.http.recording_requests import open_transcription
from server.http.upload import Upload, read_upload
from server.http.writing import written
from server.protocols.openai.diarization_request import DiarizationFormat, DiarizationParameters, recording_name
from server.protocols.openai.transcription_wishes import wishes_of
from server.transcript.formats import render_diarization, render_rttm
from server.transcript.segments import Transcript
from server.transcript.turns import turns

_PROPERTIES = DiarizationParameters.model_json_schema(ref_template="{model}")["properties"]
_FORMAT = {"type": "string", "enum": list(DiarizationFormat), "default": DiarizationFormat.JSON}
_FILE = {"type": "string", "format": "binary", "description": "The recording."}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": _FILE, **_PROPERTIES, "response_format": _FORMAT},
                },
                "example": {"file": "meeting.wav", "response_format": "rttm", "min_duration_off": 0.5},
            }
        },
    }
}
_SEGMENTS = [{"id": 0, "speaker": "SPEAKER_00", "label": "0", "start": 0.0, "end": 2.34}]
_RESPONSES: dict[int | str, dict[str, Any]] = {
    **TRANSCRIPTION_RESPONSES,
    200: {
        "description": "Who spoke when, in the format asked for.",
        "content": {
            "application/json": {
                "schema": {"type": "object"},
                "example": {"task": "diarize", "duration": 2.5, "num_speakers": 1, "segments": _SEGMENTS},
            },
            "text/plain": {
                "schema": {"type": "string"},
                "example": "SPEAKER meeting 1 0.000 2.340 <NA> <NA> SPEAKER_00 <NA> <NA>\n",
            },
        },
    },
}

router = APIRouter(prefix="/v1/audio", tags=["audio"])


@router.post(
    "/diarization",
    summary="Tell who spoke when",
    response_class=Response,
    openapi_extra=_BODY,
    responses=_RESPONSES,
)
async def create_diarization(request: Request) -> Response:
    """The turns of each speaker. Nothing of the body is read before there is a place for the request."""
    async with AsyncExitStack() as resources:
        transcription, (parameters, name) = await open_transcription(request, resources, _read(request))
        request.state.log["format"] = parameters.response_format.value
        transcript = await while_connected(request.receive, transcription.whole())
    return await written(transcript, lambda: _answer(transcript, parameters, name))


@asynccontextmanager
async def _read(request: Request) -> AsyncIterator[Upload[tuple[DiarizationParameters, str]]]:
    """The details are the parameters and what the recording is called."""
    async with read_upload(request, DiarizationParameters, wishes_of) as upload:
        yield Upload(upload.file, upload.wishes, (upload.details, recording_name(upload.filename)))


def _answer(transcript: Transcript, parameters: DiarizationParameters, name: str) -> Response:
    told = turns(transcript, shortest=parameters.min_duration_on, longest_gap=parameters.min_duration_off)
    notes = parameters.notes(len({turn.speaker for turn in told}))
    transcript = replace(transcript, notes=(*transcript.notes, *notes))
    if parameters.response_format is DiarizationFormat.RTTM:
        return noted(PlainTextResponse(render_rttm(told, name)), transcript)
    body = render_diarization(
        transcript,
        told,
        with_text=parameters.include_text,
        verbose=parameters.response_format is DiarizationFormat.VERBOSE_JSON,
    )
    return noted(LongJSONResponse(body), transcript)
