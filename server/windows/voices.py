"""A few words of each speaker of a recording or session, kept so that later windows can be told who is who."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from server.windows.block import Block

_LENGTHS = 0.6, 1.2, 2.0, 3.0, 5.0
"""Seconds: of each speaker one sample is kept between any two of these, and one that is longer still."""
_ROOM = 2.0
"""Seconds that each has at least: a word of everybody in a crowd would tell nothing about anybody."""
_MOST = 32
"""Speakers that are remembered."""


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """Something that a speaker said: stands in front of later windows, so that numbers stay."""

    speaker: int
    text: str
    block: Block

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.block.seconds


class Voices:
    """Samples of each speaker. The first of its length stays: later ones might be somebody else taken for them."""

    def __init__(self) -> None:
        self._samples: dict[int, dict[int, VoiceSample]] = {}  # by speaker, least recently heard first; by length

    def offer(self, voice: VoiceSample | None) -> None:
        """Something that was said for good."""
        if voice is None or not (length := bisect_right(_LENGTHS, voice.seconds)):
            return
        samples = self._samples.pop(voice.speaker, {})
        samples.setdefault(length, voice)
        self._samples[voice.speaker] = samples
        if len(self._samples) > _MOST:
            del self._samples[next(iter(self._samples))]

    def recent(self, seconds: float) -> list[VoiceSample]:
        """Those ``chosen``, least recently heard first: offered again in this order, the same are chosen."""
        chosen = {voice.speaker: voice for voice in self.chosen(seconds)}
        return [chosen[speaker] for speaker in self._samples if speaker in chosen]

    def chosen(self, seconds: float) -> list[VoiceSample]:
        """One sample of each speaker, in order of their numbers: as long as can be with room for the others.

        At most ``seconds`` together. Where that is too little, those heard last come first.
        """
        chosen: list[VoiceSample] = []
        present = list(reversed(self._samples.values()))[: int(seconds / _ROOM)]
        share = min(seconds / max(1, len(present)), _LENGTHS[-1])
        for samples in present:
            voice = _longest(list(samples.values()), share)
            if sum(other.seconds for other in chosen) + voice.seconds <= seconds:
                chosen.append(voice)
        return sorted(chosen, key=lambda voice: voice.speaker)


def _longest(samples: list[VoiceSample], seconds: float) -> VoiceSample:
    """The longest sample of at most ``seconds``, or the shortest."""
    fitting = [voice for voice in samples if voice.seconds <= seconds]
    return max(fitting, key=_seconds) if fitting else min(samples, key=_seconds)


def _seconds(voice: VoiceSample) -> float:
    return voice.seconds
