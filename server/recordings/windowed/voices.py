"""Who was heard so far in a recording: the words that later windows begin with, and whose numbers are whose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.recordings.sound import Sound
from server.recordings.windowed.known import KnownClips
from server.recordings.windowed.sound import Voice
from server.transcript.segments import Segment
from server.windows.block import Block
from server.windows.voices import Voices, VoiceSample

_MARGIN = 0.05
"""Seconds around a segment that go with its audio: the model's times are not exact."""


class HeardVoices:
    """Voices of one channel of a recording.

    Args:
        sound: of the recording.
        known: speakers' clips, in front of every window.
        seconds: of voices in front of a window, known speakers' aside.
    """

    def __init__(self, sound: Sound, known: KnownClips, seconds: float) -> None:
        self._sound = sound
        self._known = known
        self._names = frozenset(voice.speaker for voice in known.voices)
        self._seconds = seconds
        self._voices = Voices()
        self._next = max(self._names, default=-1) + 1

    def hear(self, segments: Iterable[Segment]) -> None:
        """These were told, in the recording's numbers and seconds of its sound."""
        for segment in segments:
            if segment.speaker is None or not segment.is_speech:
                continue
            self._next = max(self._next, segment.speaker + 1)
            if segment.speaker in self._names:
                continue
            first = max(0, round((segment.start - _MARGIN) * SAMPLE_RATE))
            last = round((segment.end + _MARGIN) * SAMPLE_RATE)
            block = Block(first, np.array(self._sound.stretch(first, last)))  # which will be forgotten
            self._voices.offer(VoiceSample(segment.speaker, segment.text, block))

    def forget(self) -> None:
        """No window follows: their audio is not wanted any more."""
        self._voices = Voices()

    @property
    def introductions(self) -> list[Voice]:
        """What the next window has in front: known speakers, then the others in order of their numbers."""
        chosen = self._voices.chosen(self._seconds)
        return [*self._known.voices, *(Voice(v.speaker, v.text, v.block.samples, None) for v in chosen)]

    def numbers(self, introduced: Sequence[Voice]) -> WindowNumbers:
        """For a window with these voices in front."""
        return WindowNumbers(self, [voice.speaker for voice in introduced])

    def new(self) -> int:
        """The number of somebody who was not heard before, as far as anybody can tell."""
        number, self._next = self._next, self._next + 1
        return number

    @property
    def count(self) -> int:
        """How many were heard so far, known speakers included."""
        return self._next


class WindowNumbers:
    """The recording's numbers for one window's: those introduced have the first, in order."""

    def __init__(self, voices: HeardVoices, introduced: Sequence[int]) -> None:
        self._voices = voices
        self._numbers = dict(enumerate(introduced))
        self._missing = voices.count > len(introduced)
        self.doubtful: list[int] = []

    def of(self, number: int) -> int:
        """The recording's number. ``doubtful`` gets those who may be somebody of whom nothing could be put in front."""
        if number not in self._numbers:
            self._numbers[number] = self._voices.new()
            if self._missing:
                self.doubtful.append(self._numbers[number])
        return self._numbers[number]

    def back(self, speaker: int) -> int:
        """The window's number of one who was told of it in an earlier attempt: the next where nobody introduced him."""
        found = next((number for number, known in self._numbers.items() if known == speaker), None)
        if found is None:
            found = len(self._numbers)
            self._numbers[found] = speaker
            if self._missing:
                self.doubtful.append(speaker)
        return found
