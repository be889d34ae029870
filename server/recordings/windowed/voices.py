"""Who was heard so far in a recording: the words that later windows begin with, and whose numbers are whose."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Sequence

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.recordings.sound import Sound
from server.recordings.windowed.known import KnownClips
from server.recordings.windowed.sound import Voice
from server.transcript.segments import Segment
from server.voices.encoder import VoiceEncoder
from server.windows.block import Block
from server.windows.voices import Voices, VoiceSample

_MARGIN = 0.05
"""Seconds around a segment that go with its audio: the model's times are not exact."""
_LEAST, _CLEAR = 0.4, 1.5
"""Seconds of which a voice can be told, and be told well."""
_MOST_HEARD = 10 * SAMPLE_RATE
"""Samples of which an encoder makes anything."""
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
        self._voices = Voices(encoder)
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
        self._voices = Voices(self._encoder)

    async def listen(self) -> None:
        """To what was heard: before a window is introduced to them."""
        await self._voices.listen(self._sound.level)

    @property
    def introductions(self) -> list[Voice]:
        """What the next window has in front: known speakers, then the others in order of their numbers."""
        chosen = self._voices.chosen(self._seconds)
        return [*self._known.voices, *(Voice(v.speaker, v.text, v.block.samples, None) for v in chosen)]

    async def speaker_of(self, segment: Segment, beside: Container[int]) -> int | None:
        """Whose voice says this, of those who were heard before the window; known speakers aside.

        A short clip has to be surely his, and so has whatever the model tells from somebody who spoke ``beside`` it.
        """
        last = round(segment.end * SAMPLE_RATE)
        first = max(round(segment.start * SAMPLE_RATE), last - _MOST_HEARD)
        piece = self._sound.stretch(first, last)
        if self._encoder is None or piece.size < _LEAST * SAMPLE_RATE:
            return None
        level = await asyncio.to_thread(self._sound.level, last)
        (vector,) = await self._encoder.vectors([level.apply(piece)])
        found = self._voices.speaker_of(vector, sure=piece.size < _CLEAR * SAMPLE_RATE)
        return self._voices.speaker_of(vector, sure=True) if found is not None and found in beside else found

    def all_of(self, introduced: Sequence[int]) -> bool:
        """Everybody who was heard so far is ``introduced``, or is one of them."""
        return self._next - len(self._voices.doubles) <= len(introduced)

    def numbers(self, introduced: Sequence[Voice]) -> WindowNumbers:
        """For a window with these voices in front."""
        return WindowNumbers(self, [voice.speaker for voice in introduced])

    def new(self) -> int:
        """The number of somebody who was not heard before, as far as anybody can tell."""
        number, self._next = self._next, self._next + 1
        return number


class WindowNumbers:
    """The recording's numbers for one window's: those introduced have the first, in order."""

    def __init__(self, voices: HeardVoices, introduced: Sequence[int]) -> None:
        self._voices = voices
        self._numbers = dict(enumerate(introduced))
        self._introduced = bool(introduced)  # otherwise there is nobody yet
        self._missing = not voices.all_of(introduced)
        self._spoken = set[int]()  # by their own numbers, in this window
        self.doubtful: list[int] = []

    async def of(self, segment: Segment) -> int | None:
        """The recording's number of who says it.

        A number that the window had nobody for may be somebody all the same whom the model did not recognise.
        ``doubtful`` gets those who may be somebody of whom nothing could be put in front.
        """
        number = segment.speaker
        if number is None:
            return None
        if number not in self._numbers:
            found = await self._voices.speaker_of(segment, self._spoken) if self._introduced else None
            self._numbers[number] = self._voices.new() if found is None else found
            if found is None and self._missing:
                self.doubtful.append(self._numbers[number])
        self._spoken.add(self._numbers[number])
        return self._numbers[number]

    def back(self, speaker: int) -> int:
        """The window's number of one who was told of it in an earlier attempt: the next where nobody introduced him."""
        found = next((number for number, known in self._numbers.items() if known == speaker), None)
        if found is None:
            found = len(self._numbers)
            self._numbers[found] = speaker
            if self._missing:
                self.doubtful.append(speaker)
        self._spoken.add(speaker)
        return found
