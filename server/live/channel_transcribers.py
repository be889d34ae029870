"""The transcribers of one session: one for the mix of its channels, or one for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import zip_longest
from types import TracebackType
from typing import Self

import numpy as np

from model.seam.audio import Samples
from server.live.vocabulary.events import Channel, SessionEvent
from server.live.vocabulary.flush import FlushId
from server.live.vocabulary.resumption import Place, Voices
from server.live.vocabulary.transcriber import Transcriber
from server.live.vocabulary.turn_detection import TurnDetection

_Setting = Callable[[Transcriber], None]


class ChannelTranscribers:
    """What a `Transcriber` does, done for every channel; events say of which they are. Leaving its context ends all.

    There is one channel until there is audio of more, or `open` was called. One that comes later has the settings of
    the others, and has heard nothing yet.

    Args:
        make: makes the transcriber of one channel.
    """

    def __init__(self, make: Callable[[], Transcriber]) -> None:
        self._make = make
        self._transcribers: list[Transcriber] = []
        self._settings: dict[str, _Setting] = {}
        self._events: asyncio.Queue[SessionEvent | Exception | None] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []
        self._entered = AsyncExitStack()

    @property
    def count(self) -> int:
        """Of channels."""
        return len(self._transcribers)

    @property
    def backlog(self) -> float:
        """Seconds of audio that wait for the model, of the channel that is furthest behind."""
        return max((transcriber.backlog for transcriber in self._transcribers), default=0.0)

    async def open(self, count: int) -> None:
        """There are so many channels, at least."""
        while self.count < count:
            transcriber = await self._entered.enter_async_context(self._make())
            for apply in self._settings.values():
                apply(transcriber)
            self._transcribers.append(transcriber)
            number = len(self._tasks)
            self._tasks.append(asyncio.create_task(self._listen(number, transcriber), name=f"channel-{number}"))

    async def hear(self, channels: Samples) -> None:
        """The next audio: [channels, n], 24 kHz. Waits while too much is behind. Raises EngineError.

        Where fewer channels come than there are, the others are silent.
        """
        await self.open(len(channels))
        silence = np.zeros_like(channels[0])
        for transcriber, samples in zip_longest(self._transcribers, channels, fillvalue=silence):
            await transcriber.hear(samples)

    def set_turns(self, turns: TurnDetection | None) -> None:
        """Detect turns like this from now on, or not at all."""
        self._set("turns", lambda transcriber: transcriber.set_turns(turns))

    def set_context(self, context: str | None) -> None:
        """Hotwords or background text from the next window on."""
        self._set("context", lambda transcriber: transcriber.set_context(context))

    def set_adapter(self, adapter: str | None) -> None:
        """The adapter with which the model hears from the next window on."""
        self._set("adapter", lambda transcriber: transcriber.set_adapter(adapter))

    def set_logprobs(self, wanted: bool) -> None:
        """Tell log-probabilities with committed words from the model's next answer on, or not."""
        self._set("logprobs", lambda transcriber: transcriber.set_logprobs(wanted))

    def set_sounds(self, wanted: bool) -> None:
        """Let the model hear what is loud enough though nobody speaks, and tell sounds, or not."""
        self._set("sounds", lambda transcriber: transcriber.set_sounds(wanted))

    def set_resumable(self) -> None:
        """From now on ``Checkpoint`` follows whatever is told of a channel."""
        self._set("resumable", lambda transcriber: transcriber.set_resumable())

    def checkpoint(self) -> None:
        """Tell a ``Checkpoint`` of every channel, behind all that was told of it so far."""
        for transcriber in self._transcribers:
            transcriber.checkpoint()

    async def resume(
        self,
        places: Mapping[int, Place],
        voices: Mapping[int, Voices],
        at: float,
        flushes: Mapping[int, Sequence[tuple[float, FlushId]]],
    ) -> None:
        """Go on from the places of another session's channels, before any audio and when the settings are set.

        ``voices``: by channel. ``at``: seconds of that session at which the audio begins that comes. ``flushes``: by
        channel, asked for by the protocol and not answered.
        """
        await self.open(max(places) + 1)
        for number, place in places.items():
            self._transcribers[number].resume(place, voices.get(number, ()), at, flushes.get(number, ()))

    def _set(self, name: str, setting: _Setting) -> None:
        self._settings[name] = setting
        for transcriber in self._transcribers:
            setting(transcriber)

    def flush(self, flush: FlushId) -> None:
        """Commit all that was heard; ``Flushed`` with this id follows for every channel."""
        for transcriber in self._transcribers:
            transcriber.flush(flush)

    def discard(self) -> None:
        """Forget what was heard since the last flush."""
        for transcriber in self._transcribers:
            transcriber.discard()

    def finish(self) -> None:
        """No more audio comes; ``Finished`` is the last event of every channel."""
        for transcriber in self._transcribers:
            transcriber.finish()

    async def __aiter__(self) -> AsyncIterator[SessionEvent]:
        """The events of all channels, to the last ``Finished``. Raises EngineError when one fails."""
        ended = 0
        while ended < self.count:
            event = await self._events.get()
            if isinstance(event, Exception):
                raise event
            if event is None:
                ended += 1
            else:
                yield event

    async def __aenter__(self) -> Self:
        await self._entered.__aenter__()
        await self.open(1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._entered.__aexit__(kind, error, trace)

    async def _listen(self, number: int, transcriber: Transcriber) -> None:
        try:
            async for event in transcriber:
                self._events.put_nowait(
                    replace(event, channel=Channel(number, self.count)) if self.count > 1 else event
                )
        except Exception as error:
            self._events.put_nowait(error)
        else:
            self._events.put_nowait(None)
