"""A few words of each speaker of a session, kept so that later windows can be told who is who."""

from __future__ import annotations

from server.live.window import VoiceSample

_GOOD = 2.0, 5.0
"""Seconds: shorter says little about a voice, longer costs room in every window."""
_SHORTEST = 0.6


class Voices:
    """The best sample of each speaker. The first good one stays: later ones might be somebody else taken for them."""

    def __init__(self) -> None:
        self._samples: dict[int, VoiceSample] = {}  # by speaker, least recently heard first

    def offer(self, voice: VoiceSample | None) -> None:
        """Something that was said for good."""
        if voice is None or voice.seconds < _SHORTEST:
            return
        present = self._samples.pop(voice.speaker, None)
        self._samples[voice.speaker] = voice if present is None or _badness(voice) < _badness(present) else present

    def chosen(self, seconds: float) -> list[VoiceSample]:
        """Samples of at most ``seconds`` together, of those heard last, in order of their numbers."""
        chosen: list[VoiceSample] = []
        for voice in reversed(self._samples.values()):
            if sum(other.seconds for other in chosen) + voice.seconds <= seconds:
                chosen.append(voice)
        return sorted(chosen, key=lambda voice: voice.speaker)


def _badness(voice: VoiceSample) -> float:
    """How far from a good length; 0 for all good ones."""
    shortest, longest = _GOOD
    return max(shortest - voice.seconds, voice.seconds - longest, 0.0)
