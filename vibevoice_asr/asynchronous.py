"""Transcribing from code that has an event loop."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack
from uuid import uuid4

from pydantic import ValidationError

from server.engine.client.admission import Admission
from server.in_process import open_recordings
from server.opening import open_in_thread
from server.recordings.recordings import Recordings
from server.recordings.wishes import Wishes
from server.settings import Settings
from server.transcript.segments import Transcript
from vibevoice_asr.errors import TranscriptionError, told
from vibevoice_asr.options import Options, Recording, opened, wishes_of
from vibevoice_asr.outcome import Outcome

Result = TypeVar("Result")

AT_ONCE = 4
"""Recordings, unless somebody says otherwise."""


class AsyncTranscriber:
    """The model in a process of its own, from ``async with`` to its end.

    Args:
        model: a hub id, a folder, or ``tiny`` for the bundled checkpoint; by default what the server takes.
        at_once: recordings in work; further ones wait for their turn. They are computed together.
        settings: any of the server's settings by its name (``docs/settings.md``): ``device``, ``weights``,
            ``window_minutes``, ... They can also be set by environment.

    Raises ValueError for settings that make no sense.
    """

    def __init__(self, model: str | None = None, *, at_once: int = AT_ONCE, **settings: Any) -> None:
        if at_once < 1:
            raise ValueError("at_once must be at least 1")
        given = {"log_level": "warning"} | settings | ({} if model is None else {"model": model})
        try:
            self._settings = Settings(**given)
        except ValidationError as error:
            faults = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}." for fault in error.errors())
            raise ValueError(" ".join(faults)) from None
        self._places = asyncio.Semaphore(at_once)
        # Whoever calls waits in this process anyway: nobody is refused for there being much to do.
        self._admission = Admission(max_requests=sys.maxsize, max_audio_seconds=math.inf)
        self._resources = AsyncExitStack()
        self._recordings: Recordings | None = None
        self._in_work: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        """Load the model. Raises TranscriptionError where it cannot be had."""
        with told():
            self._recordings = await self._resources.enter_async_context(open_recordings(self._settings))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._recordings = None
        for task in self._in_work:
            task.cancel()
        try:
            await asyncio.gather(*self._in_work, return_exceptions=True)
        finally:
            await self._resources.aclose()

    async def transcribe(self, recording: Recording, **options: Unpack[Options]) -> Transcript:
        """Who said what when.

        Raises TranscriptionError; OSError where the file cannot be opened; TypeError for an option that there is not;
        RuntimeError where the transcriber is closed, before or meanwhile.
        """
        return await self._until_closed(self._transcribe(recording, await self._wishes(options)))

    async def transcribe_all(
        self, recordings: Iterable[Recording], **options: Unpack[Options]
    ) -> AsyncGenerator[Outcome, None]:
        """What becomes of each, in their order, side by side; one that fails keeps no other from being done.

        Raises TranscriptionError and TypeError for the options alone.
        """
        wishes = await self._wishes(options)
        tasks = [asyncio.create_task(self._outcome(recording, wishes)) for recording in recordings]
        try:
            for task in tasks:
                yield await task
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _wishes(self, options: Options) -> Wishes:
        with told():
            wishes = await asyncio.to_thread(wishes_of, options)
            self._opened.check(wishes)
            return wishes

    async def _outcome(self, recording: Recording, wishes: Wishes) -> Outcome:
        try:
            return Outcome(recording, await self._until_closed(self._transcribe(recording, wishes)))
        except (TranscriptionError, OSError) as error:
            return Outcome(recording, error=error)

    async def _until_closed(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What ``work`` gives. Raises what it raises, and RuntimeError where the transcriber is closed meanwhile."""
        task = asyncio.create_task(work)
        self._in_work.add(task)
        task.add_done_callback(self._in_work.discard)
        try:
            return await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if caller is not None and caller.cancelling():
                raise
            raise RuntimeError("The transcriber was closed meanwhile.") from None

    async def _transcribe(self, recording: Recording, wishes: Wishes) -> Transcript:
        async with self._places:
            file = await open_in_thread(partial(opened, recording))
            with file, told(), self._admission.enter() as ticket:
                opening = self._opened.transcription(file, wishes, ticket=ticket, request_id=uuid4().hex)
                async with opening as transcription:
                    return await transcription.whole()

    @property
    def _opened(self) -> Recordings:
        if self._recordings is None:
            raise RuntimeError("The transcriber is closed: use it within its context.")
        return self._recordings
