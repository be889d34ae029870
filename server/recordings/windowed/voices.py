"""Who was heard so far in a recording: the words that later windows begin with."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples
from server.recordings.sound import Sound
from server.recordings.windowed.known import KnownClips
from server.recordings.windowed.sound import Voice
from server.transcript.segments import Segment
from server.voices.encoder import VoiceEncoder
from server.windows.block import Block
from server.windows.speakers import Speakers, WindowNumbers
from server.windows.voices import VoiceSample

_MARGIN = 0.05
"""Seconds around a segment that go with its audio: the model's times are not exact."""
_SHARE = 0.4
_MOST = 120.0
"""Of a window, and seconds, for those heard before."""


class HeardVoices:
    """Voices of one channel of a recording.

    Args:
        sound: of the recording.
        known: speakers' clips, in front of every window.
        seconds: of a window.
        encoder: tells voices apart, where there is one.
    """

    def __init__(self, sound: Sound, known: KnownClips, seconds: float, encoder: VoiceEncoder | None) -> None:
        self._sound = sound
        self._known = known
        self._names = frozenset(voice.speaker for voice in known.voices)
        self._seconds = min(seconds * _SHARE, _MOST)
        self._encoder = encoder
        self._speakers = Speakers(encoder, self._names)

    def hear(self, segments: Iterable[Segment]) -> None:
        """These were told, in the recording's numbers and seconds of its sound."""
        for segment in segments:
            if segment.speaker is None or not segment.is_speech:
                continue
            self._speakers.note(segment.speaker)
            if segment.speaker in self._names:
                continue
            first = max(0, round((segment.start - _MARGIN) * SAMPLE_RATE))
            last = round((segment.end + _MARGIN) * SAMPLE_RATE)
            block = Block(first, np.array(self._sound.stretch(first, last)))  # which will be forgotten
            self._speakers.voices.offer(VoiceSample(segment.speaker, segment.text, block))

    def forget(self) -> None:
        """No window follows: their audio is not wanted any more."""
        self._speakers = Speakers(self._encoder, self._names)

    async def listen(self) -> None:
        """To what was heard: before a window is introduced to them."""
        await self._speakers.voices.listen(self._sound.level)

    @property
    def introductions(self) -> list[Voice]:
        """What the next window has in front: known speakers, then the others in order of their numbers."""
        chosen = self._speakers.voices.chosen(self._seconds)
        return [*self._known.voices, *(Voice(v.speaker, v.text, v.block.samples, None) for v in chosen)]

    def numbers(self, introduced: Sequence[Voice]) -> WindowNumbers:
        """For a window with these voices in front."""
        return self._speakers.numbers([voice.speaker for voice in introduced])

    async def number(self, segment: Segment, numbers: WindowNumbers) -> int | None:
        """The recording's number of who says what a window has like this."""
        if segment.speaker is None:
            return None
        return await numbers.heard(segment.speaker, partial(self._clip, segment))

    async def _clip(self, segment: Segment) -> Samples:
        last = round(segment.end * SAMPLE_RATE)
        piece = self._sound.stretch(round(segment.start * SAMPLE_RATE), last)
        level = await asyncio.to_thread(self._sound.level, last)
        return level.apply(piece)
