"""Recordings without a server: told as a server tells them, by the engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

from server.commandline.faults import Fault, Refused
from server.commandline.transcribe.hearing import Fields, Recording, Watcher, streamed
from server.http.answers import answer_messages
from server.http.errors import to_api_error
from server.in_process import NotLoaded, open_recordings
from server.logs import configure_logging
from server.protocols.openai.diarization_request import recording_name
from server.protocols.openai.recording_request import parameters_from_form
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.protocols.openai.transcription_wishes import transcription_wishes
from server.recordings.recordings import Recordings
from server.settings import Settings


class InProcess:
    """A `Hearing`, made by `open_here`."""

    def __init__(self, recordings: Recordings, settings: Settings) -> None:
        self._recordings = recordings
        self._settings = settings

    async def hear(
        self, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """See Hearing."""
        try:
            parameters = parameters_from_form(TranscriptionParameters, streamed(fields, formats))
            if parameters.tag_audio_events is None:
                parameters = parameters.model_copy(update={"tag_audio_events": self._settings.tag_audio_events})
            wishes = await asyncio.to_thread(transcription_wishes, parameters)
            name = recording_name(recording.name)
            with recording.file.open("rb") as file, self._recordings.admit() as ticket:
                async with self._recordings.transcription(
                    file, wishes, ticket=ticket, request_id=uuid4().hex
                ) as transcription:
                    async for message in answer_messages(transcription, parameters, name):
                        yield message
        except OSError as error:
            raise Fault(f"It cannot be read ({error.strerror or error}).") from error
        except Exception as error:  # what it is told by is what a server would answer
            told = to_api_error(error)
            raise Refused(told.message, retry_after=told.retry_after, code=told.code) from error


@asynccontextmanager
async def open_here(settings: Settings) -> AsyncIterator[InProcess]:
    """Load the model into a worker process, which is gone when the context ends, however that is.

    Raises Fault where it cannot be loaded.
    """
    configure_logging(settings.log_level, settings.log_format)
    try:
        async with open_recordings(settings) as recordings:
            yield InProcess(recordings, settings)
    except NotLoaded as error:
        raise Fault(error.message) from None
