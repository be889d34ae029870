"""A transcript as the response a client asked for."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from fastapi.responses import PlainTextResponse, Response

from server.http.errors import to_api_error
from server.http.long_json import LongJSONResponse, encoded
from server.http.writing import written
from server.protocols.openai.events import OpenAIEvents
from server.protocols.openai.transcription_request import ResponseFormat, TranscriptionParameters
from server.recordings.transcription import Transcription
from server.transcript.formats import (
    render_diarized_json,
    render_json,
    render_lrc,
    render_srt,
    render_text,
    render_verbose_json,
    render_vtt,
)
from server.transcript.segments import Transcript

NOTES_HEADER = "x-vibevoice-notes"
_ENCODER = json.JSONEncoder()
"""ASCII only: some clients take U+0085 and U+2028 for the end of a line."""


async def answer(transcript: Transcript, parameters: TranscriptionParameters) -> Response:
    """The whole answer. Notes go into JSON bodies, and for all formats into a header."""
    return noted(await written(transcript, lambda: _response(transcript, parameters)), transcript)


def noted(response: Response, transcript: Transcript) -> Response:
    """The response with the notes in its header."""
    if transcript.notes:
        response.headers[NOTES_HEADER] = " ".join(transcript.notes)
    return response


def _response(transcript: Transcript, parameters: TranscriptionParameters) -> Response:
    match parameters.response_format:
        case ResponseFormat.JSON:
            return LongJSONResponse(render_json(transcript, logprobs=bool(parameters.include)))
        case ResponseFormat.TEXT:
            return PlainTextResponse(render_text(transcript))
        case ResponseFormat.SRT:
            return PlainTextResponse(render_srt(transcript, parameters.subtitles))
        case ResponseFormat.VTT:
            return Response(render_vtt(transcript, parameters.subtitles), media_type="text/vtt")
        case ResponseFormat.LRC:
            return PlainTextResponse(render_lrc(transcript, parameters.subtitles))
        case ResponseFormat.DIARIZED_JSON:
            told = render_diarized_json(transcript, audio_events=parameters.shows_audio_events)
            return LongJSONResponse(told)
        case ResponseFormat.VERBOSE_JSON:
            return LongJSONResponse(
                render_verbose_json(
                    transcript,
                    language=parameters.language,
                    temperature=parameters.temperature,
                    granularities=parameters.timestamp_granularities or ("segment",),
                    audio_events=parameters.shows_audio_events,
                )
            )


async def answer_events(
    transcription: Transcription, parameters: TranscriptionParameters
) -> AsyncGenerator[bytes, None]:
    """The answer as frames of OpenAI's events. What goes wrong on the way becomes the last event."""
    encoder = OpenAIEvents(
        diarized=parameters.response_format is ResponseFormat.DIARIZED_JSON,
        logprobs=bool(parameters.include),
        speaker_names=transcription.speaker_names,
        channels=transcription.recording.channels or 1,
        audio_events=parameters.shows_audio_events,
    )
    try:
        async with aclosing(transcription.events()) as events:
            async for event in events:
                for message in encoder.progress([event]):
                    yield _frame(message)
        transcript = transcription.transcript
        assert transcript is not None
        yield await written(transcript, lambda: _frame(encoder.done(transcript)))
    except Exception as error:
        yield _frame(to_api_error(error).envelope)


def _frame(event: Mapping[str, object]) -> bytes:
    """A server-sent event. Its name stands beside the data too: some readers go by it, and most by the data alone."""
    return f"event: {event.get('type', 'error')}\ndata: {encoded(event, _ENCODER)}\n\n".encode("ascii")
