"""The transcribers of one session: each channel's audio goes to its own, and what they tell comes together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import pytest

from model.seam.audio import Samples
from server.engine.errors import EngineError
from server.engine.messages import FailureCode
from server.live.channel_transcribers import ChannelTranscribers
from server.live.vocabulary.events import AudioHeard, Channel, Finished, Flushed, LiveEvent
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.resumption import Place, Voices
from server.live.vocabulary.turn_detection import TurnDetection

FLUSH = FlushId(Asker.PROTOCOL, 0)


class Scripted:
    """Tells what it is told."""

    def __init__(self) -> None:
        self.heard: list[Samples] = []
        self.settings: list[object] = []
        self.entered = self.left = False
        self.backlog = 0.0
        self._events: asyncio.Queue[LiveEvent | EngineError] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        self.entered = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.left = True

    async def hear(self, samples: Samples) -> None:
        self.heard.append(samples)
        self._events.put_nowait(AudioHeard(float(samples[0])))

    def set_turns(self, turns: TurnDetection | None) -> None:
        self.settings.append(turns)

    def set_context(self, context: str | None) -> None:
        self.settings.append(context)

    def set_adapter(self, adapter: str | None) -> None:
        self.settings.append(adapter)

    def set_logprobs(self, wanted: bool) -> None:
        self.settings.append(wanted)

    def set_sounds(self, wanted: bool) -> None:
        self.settings.append(wanted)

    def set_resumable(self) -> None:
        raise AssertionError("not asked for")

    def checkpoint(self) -> None:
        raise AssertionError("not asked for")

    def resume(self, place: Place, voices: Voices, at: float, flushes: Sequence[tuple[float, FlushId]]) -> None:
        raise AssertionError("not asked for")

    def flush(self, flush: FlushId) -> None:
        self._events.put_nowait(Flushed(1.0, flush))

    def discard(self) -> None:
        self.settings.append("discarded")

    def finish(self) -> None:
        self._events.put_nowait(Finished(1.0))

    def fail(self) -> None:
        self._events.put_nowait(EngineError(FailureCode.WORKER_DIED, "The worker died."))

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        while True:
            event = await self._events.get()
            if isinstance(event, EngineError):
                raise event
            yield event
            if isinstance(event, Finished):
                return


class Session(ChannelTranscribers):
    """Attributes:
    made: the transcribers, by channel.
    """

    def __init__(self) -> None:
        self.made: list[Scripted] = []
        super().__init__(self._made)

    def _made(self) -> Scripted:
        self.made.append(Scripted())
        return self.made[-1]


def audio(*channels: float) -> Samples:
    """A sample of each."""
    return np.array(channels, np.float32)[:, None]


async def test_the_mix_is_one_channel() -> None:
    async with Session() as session:
        await session.hear(audio(0.5))
        session.flush(FLUSH)
        session.finish()
        assert [event async for event in session] == [AudioHeard(0.5), Flushed(1.0, FLUSH), Finished(1.0)]
        assert session.count == 1
    assert [(one.entered, one.left) for one in session.made] == [(True, True)]


async def test_every_channel_hears_its_own_and_says_which_it_is() -> None:
    async with Session() as session:
        await session.open(2)
        await session.hear(audio(0.25, 0.75))
        session.flush(FLUSH)
        session.discard()
        session.finish()
        events = [event async for event in session]
        assert [one.heard[0][0] for one in session.made] == [0.25, 0.75]
        assert [one.settings for one in session.made] == [["discarded"]] * 2
    for number, until in enumerate((0.25, 0.75)):
        channel = Channel(number, 2)
        assert [event for event in events if event.channel == channel] == [
            AudioHeard(until, channel=channel),
            Flushed(1.0, FLUSH, channel=channel),
            Finished(1.0, channel=channel),
        ]
    assert len(events) == 6
    assert isinstance(events[-1], Finished)
    assert all(one.left for one in session.made)


async def test_channels_that_come_with_the_audio_are_set_like_the_others() -> None:
    turns = TurnDetection()
    async with Session() as session:
        session.set_turns(None)
        session.set_turns(turns)
        session.set_context("Bern")
        session.set_logprobs(True)
        assert session.made[0].settings == [None, turns, "Bern", True]
        await session.hear(audio(0.1, 0.2, 0.3))
        assert [one.settings for one in session.made[1:]] == [[turns, "Bern", True]] * 2
        session.set_context(None)
        assert [one.settings[-1] for one in session.made] == [None] * 3


async def test_one_channel_fails_all() -> None:
    async with Session() as session:
        await session.open(2)
        session.made[1].fail()
        with pytest.raises(EngineError):
            [event async for event in session]
    assert all(one.left for one in session.made)
