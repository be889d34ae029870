"""A transcript as the response a client asked for."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing

from fastapi.responses import PlainTextResponse, Response

from server.http.errors import to_api_error
from server.http.long_json import LongJSONResponse, encoded
from server.http.progress import with_progress
from server.http.writing import written
from server.protocols.openai.events import OpenAIEvents, progress_event
from server.protocols.openai.rendering import rendered, rendered_as
from server.protocols.openai.response_format import ResponseFormat
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.recordings.transcription import Transcription
from server.transcript.events import TranscriptEvent
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
    body = rendered(transcript, parameters)
    if not isinstance(body, str):
        return LongJSONResponse(body)
    if parameters.response_format is ResponseFormat.VTT:
        return Response(body, media_type="text/vtt")
    return PlainTextResponse(body)


async def answer_events(
    transcription: Transcription, parameters: TranscriptionParameters, name: str
) -> AsyncGenerator[bytes, None]:
    """The answer as frames of OpenAI's events, see `answer_messages`."""
    async with aclosing(answer_messages(transcription, parameters, name)) as messages:
        async for message in messages:
            if (transcript := transcription.transcript) is None:
                yield _frame(message)
            else:
                yield await written(transcript, lambda: _frame(message))  # noqa: B023 - awaited


async def answer_messages(
    transcription: Transcription, parameters: TranscriptionParameters, name: str
) -> AsyncGenerator[Mapping[str, object], None]:
    """The answer as OpenAI's events. What goes wrong on the way becomes the last one.

    ``name``: what the recording is called.
    """
    encoder = OpenAIEvents(
        diarized=parameters.response_format is ResponseFormat.DIARIZED_JSON,
        logprobs=bool(parameters.include),
        speaker_names=transcription.speaker_names,
        channels=transcription.recording.channels or 1,
        audio_events=parameters.shows_audio_events,
        waveform=parameters.waveform,
    )

    def done(transcript: Transcript) -> Mapping[str, object]:
        also = {form.value: rendered_as(form, transcript, parameters, name) for form in parameters.formats}
        return encoder.done(transcript) | ({"formats": also} if also else {})

    try:
        heard: AsyncGenerator[TranscriptEvent | float, None]
        heard = with_progress(transcription) if parameters.progress else transcription.events()
        async with aclosing(heard) as events:
            async for event in events:
                if isinstance(event, float):
                    yield progress_event(transcription.recording.seconds, event)
                    continue
                for message in encoder.progress([event]):
                    yield message
        transcript = transcription.transcript
        assert transcript is not None
        yield await written(transcript, lambda: done(transcript))
    except Exception as error:
        yield to_api_error(error).envelope


def _frame(event: Mapping[str, object]) -> bytes:
    """A server-sent event. Its name stands beside the data too: some readers go by it, and most by the data alone."""
    return f"event: {event.get('type', 'error')}\ndata: {encoded(event, _ENCODER)}\n\n".encode("ascii")
