"""``POST /v1/audio/diarization``, as LocalAI and speaches have it: who spoke when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from server.http.answers import noted
from server.http.disconnect import while_connected
from server.http.long_json import LongJSONResponse
from server.http.openapi import DIARIZATION
from server.http.recording_requests import open_transcription
from server.http.upload import Upload, read_upload
from server.http.writing import written
from server.protocols.openai.diarization_request import DiarizationFormat, DiarizationParameters, recording_name
from server.protocols.openai.transcription_wishes import wishes_of
from server.transcript.formats import render_diarization, render_rttm
from server.transcript.segments import Transcript
from server.transcript.turns import turns

router = APIRouter(prefix="/v1/audio", tags=["audio"])


@router.post(
    "/diarization",
    summary="Tell who spoke when",
    response_class=Response,
    openapi_extra=DIARIZATION,
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
        return noted(PlainTextResponse(render_rttm(transcript, told, name)), transcript)
    body = render_diarization(
        transcript,
        told,
        with_text=parameters.include_text,
        verbose=parameters.response_format is DiarizationFormat.VERBOSE_JSON,
    )
    return noted(LongJSONResponse(body), transcript)
