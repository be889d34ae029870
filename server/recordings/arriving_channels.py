"""The channels of a recording that is decoded while it is heard, each for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import inf
from threading import Lock

from model.seam.audio import SAMPLE_RATE
from server.audio_in.decoding import Decoding
from server.recordings.channels import Audibility
from server.recordings.recording import Recording
from server.recordings.sound import ArrivingSound, facts, told_shortage
from server.recordings.stream_audio import StreamAudio

_LOOK = 2 * SAMPLE_RATE
"""Samples of each channel that are looked at in one go: so exactly it is known where one comes up."""


class ArrivingChannels:
    """They come together, and none is heard much before the others: what is decoded for one is held for all.

    Args:
        decoding: of the file, of which the extent is known.
        seconds: how long it says it is.

    Attributes:
        sounds: of all channels. Which of them are worth hearing turns out as they come.
    """

    def __init__(self, decoding: Decoding, seconds: float) -> None:
        self._decoding = decoding
        self._seconds = seconds
        self._audibility = Audibility()
        self._looked = 0
        self._lock = Lock()
        self._moved = asyncio.Event()
        self._known: set[int] = set()  # numbers of those that were worth hearing before
        self._come_up: Callable[[int], None] = lambda _: None
        self.sounds = [ArrivingChannel(self, decoding, seconds, row) for row in range(len(decoding.tapes))]

    @property
    def recording(self) -> Recording:
        """What is known of the file by now."""
        seconds = 0.0 if self._decoding.over else self._seconds
        known = facts(self._decoding, seconds)
        notes = (*known.notes, *self._audibility.notes, *self._late) if self._decoding.over else known.notes
        return Recording(known.seconds, notes, len(self.sounds), known.lead)

    @property
    def _late(self) -> list[str]:
        """What is to be said of channels that nothing told of before."""
        known, found = len(self.sounds), len(self._decoding.tapes)
        told = f"The file begins with {known} of its {found} channels; what came up later was not heard."
        return [told] if found > known else []

    @property
    def heard(self) -> list[int]:
        """The numbers of the channels that are worth hearing, by what came so far."""
        return self._audibility.heard

    def heard_since(self, number: int) -> float:
        """Samples of a channel in front of which it is not worth hearing."""
        return self._audibility.since.get(number, inf)

    def tell(self, come_up: Callable[[int], None]) -> None:
        """From now on the number of each channel that turns out to be worth hearing."""
        self._known.update(self.heard)
        self._come_up = come_up

    async def reach(self, channel: ArrivingChannel, samples: int) -> None:
        """What `ArrivingSound` does; of what is not decoded, when the others have asked for as much as this one has."""
        while self._decoding.size < samples and self.ahead(channel) and not self._decoding.over:
            self._moved.clear()
            await self._moved.wait()
        channel.asked = max(channel.asked, samples)
        self._moved.set()
        with told_shortage():
            await self._decoding.reach(samples)
        self._moved.set()
        await self.look()

    def ahead(self, channel: ArrivingChannel) -> bool:
        """It has asked for more than another one has."""
        return min(sound.asked for sound in self.sounds) < channel.asked

    def leave(self, number: int) -> None:
        """This channel asks for nothing more, though there may be more of it: nobody waits for it."""
        self.sounds[number].asked = inf
        self._moved.set()

    async def look(self) -> None:
        """At what came, in all channels."""
        await asyncio.to_thread(self._look)
        for number in self.heard:
            if number not in self._known:
                self._known.add(number)
                self._come_up(number)

    def _look(self) -> None:
        with self._lock:
            while self._looked < self._decoding.size:
                last = min(self._looked + _LOOK, self._decoding.size)
                tapes = self._decoding.tapes[: len(self.sounds)]
                self._audibility.add([tape.stretch(self._looked, last) for tape in tapes])
                self._looked = last


class ArrivingChannel(ArrivingSound):
    """One of them. What there is to note is noted of all together.

    ``asked``: the samples that were asked for so far; infinity where nobody asks any more.
    """

    def __init__(self, channels: ArrivingChannels, decoding: Decoding, seconds: float, row: int) -> None:
        super().__init__(decoding, seconds, row)
        self.asked = 0.0
        self._channels = channels
        self._number = row

    async def reach(self, samples: int) -> int:
        """See Sound."""
        await self._channels.reach(self, samples)
        return min(samples, self._decoding.size)

    def expect(self, samples: int) -> None:
        """See Sound."""
        if not self._channels.ahead(self):
            super().expect(samples)

    @property
    def recording(self) -> Recording | None:
        """See Sound."""
        known = super().recording
        return known and Recording(known.seconds, lead=known.lead)

    def worth_hearing(self, until: float = inf) -> bool:
        """See Sound."""
        return self._channels.heard_since(self._number) < until

    @property
    def channels(self) -> ArrivingChannels:
        """All of them."""
        return self._channels


def arriving_of(streams: Iterable[StreamAudio]) -> ArrivingChannels | None:
    """Those whose sounds they are; None where all was decoded before."""
    sounds = (audio.sound for audio in streams if isinstance(audio.sound, ArrivingChannel))
    return next((sound.channels for sound in sounds), None)
