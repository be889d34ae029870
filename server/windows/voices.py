"""A few words of each speaker of a recording or session, kept so that later windows can be told who is who."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from statistics import median

from model.seam.audio import Level
from server.voices.encoder import Vector, VoiceEncoder
from server.windows.block import Block
from server.windows.vouching import Said, Vouching

_LENGTHS = 0.6, 1.2, 2.0, 3.0, 5.0
"""Seconds: of each speaker samples are kept between any two of these, and one that is longer still."""
_CANDIDATES = 4
"""Samples of a length of which the truest is chosen; where nothing tells voices apart the first one is."""
_SPARSE = 0.5
"""Of the usual number of characters a second: where there are fewer, words are missing."""
_ROOM = 2.0
"""Seconds that each has at least: a word of everybody in a crowd would tell nothing about anybody."""
_MOST = 32
"""Speakers that are remembered."""


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """Something that a speaker said: stands in front of later windows, so that numbers stay.

    ``vector``: what it sounds like, where that is known.
    """

    speaker: int
    text: str
    block: Block
    vector: Vector | None = None

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.block.seconds

    @property
    def density(self) -> float:
        """Characters a second."""
        return len(self.text) / self.block.seconds


_Samples = dict[int, list[VoiceSample]]
"""Of a speaker, by length, in the order in which they were offered."""


class Voices:
    """Samples of each speaker. The first ones of a length stay: later ones might be somebody else taken for them. Of
    the long ones the shortest does: there may be no room for any other.

    Args:
        encoder: tells which of them is in the voice of most that go by a number: the model may have been wrong about
            one, and would be about everything behind it. The choice depends on what was offered alone, not on when.
    """

    def __init__(self, encoder: VoiceEncoder | None = None) -> None:
        self._encoder = encoder
        self._vouching: Vouching | None = None  # as of when was listened last
        self._samples: dict[int, _Samples] = {}  # by speaker, least recently heard first

    def offer(self, voice: VoiceSample | None) -> None:
        """Something that was said for good."""
        if voice is None or not (length := bisect_right(_LENGTHS, voice.seconds)):
            return
        samples = self._samples.pop(voice.speaker, {})
        kept = samples.setdefault(length, [])
        if length == len(_LENGTHS):
            kept[:] = [min([*kept, voice], key=_seconds)]
        elif len(kept) < (1 if self._encoder is None else _CANDIDATES):
            kept.append(voice)
        self._samples[voice.speaker] = samples
        if len(self._samples) > _MOST:
            del self._samples[next(iter(self._samples))]

    async def listen(self, level: Callable[[int], Level]) -> None:
        """Hear what all samples sound like, before they are chosen. Nothing is offered meanwhile.

        ``level``: that is needed up to a sample.
        """
        if self._encoder is None:
            return
        every = [kept for samples in self._samples.values() for kept in samples.values()]
        new = [(kept, place) for kept in every for place, voice in enumerate(kept) if voice.vector is None]
        blocks = [kept[place].block for kept, place in new]
        vectors = await self._encoder.vectors([level(block.end).apply(block.samples) for block in blocks])
        for (kept, place), vector in zip(new, vectors, strict=True):
            kept[place] = replace(kept[place], vector=vector)
        said = [_said(voice) for kept in every for voice in kept]
        self._vouching = Vouching(self._encoder.likeness, said) if said else None

    def recent(self, seconds: float) -> list[VoiceSample]:
        """Those ``chosen``, least recently heard first: offered again in this order, the same are chosen."""
        chosen = {voice.speaker: voice for voice in self.chosen(seconds)}
        return [chosen[speaker] for speaker in self._samples if speaker in chosen]

    def chosen(self, seconds: float) -> list[VoiceSample]:
        """One sample of each speaker, in order of their numbers: as long as can be with room for the others.

        At most ``seconds`` together. Where that is too little, those heard last come first; but one of whom there is
        nothing short takes nobody's place.
        """
        chosen: list[VoiceSample] = []
        present = list(reversed(self._trusted().values()))[: int(seconds / _ROOM)]
        share = min(seconds / max(1, len(present)), _LENGTHS[-1])
        for voice in sorted((_longest(samples, share) for samples in present), key=lambda voice: voice.seconds > share):
            if sum(other.seconds for other in chosen) + voice.seconds <= seconds:
                chosen.append(voice)
        return sorted(chosen, key=lambda voice: voice.speaker)

    @property
    def doubles(self) -> frozenset[int]:
        """Numbers of speakers who turned out to be somebody with a lower number."""
        return self._vouching.doubles if self._vouching else frozenset()

    def speaker_of(self, vector: Vector, *, sure: bool) -> int | None:
        """Whose voice this is, of those that were listened to; see `Vouching`."""
        return self._vouching.speaker_of(vector, sure=sure) if self._vouching else None

    def _trusted(self) -> dict[int, list[VoiceSample]]:
        """One of each length, by speakers, of those that can be vouched for. Who is another one as well is left out."""
        every = {speaker: list(samples.values()) for speaker, samples in self._samples.items()}
        vouching = self._vouching
        if vouching is None:
            return {speaker: [kept[0] for kept in samples] for speaker, samples in every.items()}
        least = _SPARSE * median(voice.density for samples in every.values() for kept in samples for voice in kept)
        people = {speaker: samples for speaker, samples in every.items() if speaker not in vouching.doubles}
        return {speaker: _vouched(_whole(samples, least), vouching) for speaker, samples in people.items()}


def _whole(samples: list[list[VoiceSample]], least: float) -> list[list[VoiceSample]]:
    """Without those of which words are missing, unless all lack some: the model would go on in their manner."""
    dense = [[voice for voice in kept if voice.density >= least] for kept in samples]
    return [kept for kept in dense if kept] or samples


def _vouched(samples: Iterable[list[VoiceSample]], vouching: Vouching) -> list[VoiceSample]:
    """The truest of each length, without those that sound like anybody else; the truest of all, if all do."""
    truest = [max(kept, key=lambda voice: _trust(voice, vouching)) for kept in samples]
    vouched = [voice for voice in truest if _trust(voice, vouching) > 0]
    return vouched or [max(truest, key=lambda voice: _trust(voice, vouching))]


def _trust(voice: VoiceSample, vouching: Vouching) -> float:
    return 0.0 if voice.vector is None else vouching.trust(_said(voice))


def _said(voice: VoiceSample) -> Said:
    """A long segment tells no more than one of some seconds, and may be somebody else's."""
    assert voice.vector is not None
    return Said(voice.speaker, voice.vector, min(voice.seconds, _LENGTHS[-1]))


def _longest(samples: list[VoiceSample], seconds: float) -> VoiceSample:
    """The longest sample of at most ``seconds``, or the shortest."""
    fitting = [voice for voice in samples if voice.seconds <= seconds]
    return max(fitting, key=_seconds) if fitting else min(samples, key=_seconds)


def _seconds(voice: VoiceSample) -> float:
    return voice.seconds
