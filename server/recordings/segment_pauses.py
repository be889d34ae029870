"""The pauses of a recording's segments, and how loud it is: samples are listened to on their way to the model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from math import inf
from typing import Final

from model.seam.audio import Level, Samples
from server.recordings.recording import Recording
from server.recordings.sound import Sound
from server.speech.pauses import Pauses
from server.transcript.segments import Segment, Transcript

WAVEFORM_PARTS: Final = 400


class SegmentPauses:
    """What a transcription knows of them; nothing before `heard` or `overheard` is called."""

    def __init__(self) -> None:
        self._pauses = Pauses()
        self._begin = 0.0
        self._found: dict[tuple[int, float, float], tuple[tuple[float, float], ...]] = {}

    def heard(self, blocks: Iterable[Samples], begin: float) -> Iterator[Samples]:
        """``blocks``, one after the other. ``begin``: seconds of them at which the segments' clock shows 0."""
        self._begin, first = begin, 0
        for block in blocks:
            self._pauses.hear(first, block)
            first += block.size
            yield block

    def overheard(self, sound: Sound, lead: float) -> Sound:
        """``sound``, of which is listened to what anybody takes. ``lead``: by which the segments' clock is later."""
        self._begin = -lead
        return _Overheard(sound, self._pauses)

    def add_waveform(self, whole: Transcript) -> Transcript:
        """The transcript with how loud its recording is, as far as that was heard."""
        waveform = self._pauses.loudest(self._begin, self._begin + whole.duration, WAVEFORM_PARTS)
        return replace(whole, waveform=waveform or whole.waveform)

    def add_to(self, segment: Segment) -> Segment:
        """The segment with its pauses: the same at every call, whatever was heard meanwhile."""
        if segment.pauses or not segment.is_spoken:
            return segment
        key = segment.index, segment.start, segment.end
        if key not in self._found:
            begin = self._begin
            pauses = self._pauses.within(segment.start + begin, segment.end + begin)
            self._found[key] = tuple((start - begin, end - begin) for start, end in pauses)
        return replace(segment, pauses=self._found[key])


class _Overheard:
    """A `Sound`."""

    def __init__(self, sound: Sound, pauses: Pauses) -> None:
        self._sound = sound
        self._pauses = pauses

    def worth_hearing(self, until: float = inf) -> bool:
        """See Sound, as of the others."""
        return self._sound.worth_hearing(until)

    @property
    def length(self) -> int:
        """See Sound, as of the others."""
        return self._sound.length

    @property
    def recording(self) -> Recording | None:
        return self._sound.recording

    async def reach(self, samples: int) -> int:
        return await self._sound.reach(samples)

    def expect(self, samples: int) -> None:
        self._sound.expect(samples)

    def stretch(self, first: int, last: int) -> Samples:
        samples = self._sound.stretch(first, last)
        self._pauses.hear(max(0, first), samples)
        return samples

    def level(self, until: int) -> Level:
        return self._sound.level(until)

    def forget(self, before: int) -> None:
        self._sound.forget(before)
