"""What turns a recording into a transcript, and what it tells meanwhile: the same with a server and without one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from server.commandline.client.patience import Patience
from server.commandline.faults import Refused

Fields = Sequence[tuple[str, str]]
"""Form fields of ``POST /v1/audio/transcriptions`` but the file."""

DONE = "transcript.text.done"
_PASSING = {"shutting_down": 5.0, "worker_died": 5.0, "out_of_memory": 10.0}
"""Codes of what ended an answer in its middle and may go well another time, after so many seconds."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording to be heard. ``name``: what people call it. ``file``: where its bytes are."""

    name: str
    file: Path


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one.

    Attributes:
        formats: the transcript in each format that was wanted: an object for JSON, else a text.
        notes: what one should know of it.
        seconds: how long the recording lasts.
    """

    formats: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


class Watcher(Protocol):
    """Is told how far a recording is."""

    def sending(self, share: float) -> None:
        """So much of the file is with the server, from 0 to 1."""
        ...

    def heard(self, done: float, seconds: float) -> None:
        """So many seconds of the recording are transcribed."""
        ...

    def waiting(self, why: str) -> None:
        """It cannot go on now."""
        ...


class Hearing(Protocol):
    """A server, or the model in this process."""

    def hear(
        self, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        """The events of a streamed answer. Raises Refused."""
        ...


async def result_of(
    hearing: Hearing, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher
) -> Result:
    """The transcript in every format of ``formats``. Raises Refused."""
    seconds = 0.0
    async with aclosing(hearing.hear(recording, fields, formats, watcher)) as events:
        async for event in events:
            if "error" in event:
                raise _broken_off(event["error"])
            if (progress := event.get("progress")) is not None:
                seconds = progress.get("audio_seconds") or seconds
                watcher.heard(progress.get("audio_seconds_done") or 0.0, seconds)
            elif event.get("type") == DONE:
                watcher.heard(seconds, seconds)
                if "formats" not in event:
                    raise Refused("The server is older than this command: it does not write several formats at once.")
                return Result(event["formats"], tuple(event.get("notes", ())), seconds)
    raise Refused("The answer broke off before its end.", retry_after=1.0)


async def heard(
    hearing: Hearing, recording: Recording, fields: Fields, formats: Sequence[str], watcher: Watcher, patience: float
) -> Result:
    """The same, tried again for as long as it makes sense. ``patience``: seconds of waiting in all. Raises Refused."""
    patient = Patience(patience, watcher.waiting)
    while True:
        try:
            return await result_of(hearing, recording, fields, formats, watcher)
        except Refused as refusal:
            await patient.wait(refusal)


def _broken_off(error: Mapping[str, Any]) -> Refused:
    code = error.get("code")
    return Refused(error["message"], retry_after=_PASSING.get(code or ""), code=code)


def streamed(fields: Fields, formats: Sequence[str]) -> list[tuple[str, str]]:
    """Fields of a request that is answered with events, with every format in the last one."""
    asked = [("response_format", "diarized_json"), ("stream", "true"), ("progress", "true")]
    return [*fields, *asked, *(("formats[]", form) for form in formats)]
