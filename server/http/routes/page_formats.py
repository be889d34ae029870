"""``POST /web/transcript``: what the page shows, with its reader's names and corrections, in the formats of the API.

Written here and not in the browser, so that a subtitle breaks where it would have broken without a correction.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

from server.http.answers import answer
from server.http.service import service_of
from server.http.small_json import read_object
from server.http.writing import written
from server.protocols.openai.corrected_transcript import CorrectedTranscript
from server.protocols.openai.diarization_request import recording_name
from server.protocols.openai.response_format import ResponseFormat
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.formats import render_rttm
from server.transcript.turns import turns

router = APIRouter(include_in_schema=False)

MAX_BYTES: Final = 16 << 20
"""Some days of talk."""


@router.post("/web/transcript")
async def write_transcript(request: Request) -> Response:
    """The transcript in the body as ``response_format`` says. Raises the 400, the 413, and BudgetSpent."""
    with service_of(request.scope).memory.share() as memory:
        body = await read_object(request, MAX_BYTES, memory)
        corrected = await run_in_threadpool(CorrectedTranscript.read, body)
        transcript = corrected.transcript
        if corrected.response_format == "rttm":
            name = recording_name(corrected.filename)
            return await written(
                transcript, lambda: PlainTextResponse(render_rttm(transcript, turns(transcript), name))
            )
        parameters = TranscriptionParameters(response_format=ResponseFormat(corrected.response_format))
        return await answer(transcript, parameters)
