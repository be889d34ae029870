"""A second opinion on known speakers: whom of them each segment sounds like, beside the number that the model gave it.

A model that hears clips in front of a recording takes one voice for another now and then, and never takes it back. The
vectors of a clip and of a segment are compared for each segment, and only what they tell clearly counts.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from itertools import count

import numpy as np

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.recordings.recording import StreamAudio
from server.recordings.transcription import StreamTranscription, Transcription
from server.recordings.windowed.transcription import WindowedTranscription
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Segment
from server.voices.encoder import Vector, VoiceEncoder

_LEAST = 0.6
"""Seconds of speech of which a vector tells anything."""


Heard = StreamTranscription | WindowedTranscription


class KnownVoices:
    """Known speakers' clips, and the sound of the recording.

    Args:
        encoder: makes the vectors.
        clips: by name, at the model's level.
        samples: of the recording ([n], 24 kHz).
        level: that they still need.
    """

    def __init__(self, encoder: VoiceEncoder, clips: Mapping[str, Samples], samples: Samples, level: Level) -> None:
        self._encoder = encoder
        self._clips = clips
        self._samples = samples
        self._level = level
        likeness = encoder.likeness
        # Clips come from other microphones, which makes vectors of one voice less alike, and of two no more so.
        width = likeness.same - likeness.different
        self.margin = width / 2
        self._alike = likeness.different + width / 2
        self._unlike = likeness.different - width
        self._known: dict[str, Vector] | None = None

    @property
    def names(self) -> list[str]:
        """Of the known speakers, in the order of their clips."""
        return list(self._clips)

    async def vector(self, start: float, end: float) -> Vector | None:
        """Of what is said between two seconds of the sound; None where that is too short to tell."""
        piece = self._samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)]
        if piece.size < _LEAST * SAMPLE_RATE:
            return None
        (vector,) = await self._encoder.vectors([self._level.apply(piece)])
        return vector

    async def named(self, vector: Vector, name: str | None) -> str | None:
        """Who spoke, where the model says ``name``, or somebody unknown."""
        if self._known is None:
            vectors = await self._encoder.vectors(list(self._clips.values()))
            self._known = dict(zip(self._clips, vectors, strict=True))
        cosines = {each: float(vector @ known) for each, known in self._known.items()}
        best = max(cosines, key=lambda each: cosines[each])
        if name is None:
            return best if cosines[best] >= self._alike else None
        if cosines[best] - cosines[name] >= self.margin:
            name = best
        return name if cosines[name] >= self._unlike else None

    def alike(self, one: Vector, other: Vector) -> bool:
        """Whether two vectors of the recording are of one voice."""
        return float(one @ other) >= self._alike


class NamedTranscription(Transcription):
    """A transcription whose segments get the numbers of whom they sound like.

    Args:
        heard: as the model has it.
        voices: of the known speakers.
    """

    def __init__(self, heard: Heard, voices: KnownVoices) -> None:
        super().__init__(heard.recording, heard.heard_seconds, heard.decode_seconds)
        self._heard = heard
        self._voices = voices
        self._speakers = _Speakers(voices)
        self._told: list[Segment] = []

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._speakers.names

    @property
    def first_token_at(self) -> float | None:
        return self._heard.first_token_at

    @property
    def heard_until(self) -> float:
        return self._heard.heard_until

    async def ask(self) -> None:
        """See StreamTranscription."""
        await self._heard.ask()

    def close(self) -> None:
        """See Transcription."""
        self._heard.close()

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        async with aclosing(self._heard.events()) as events:
            async for event in events:
                yield await self._judged(event) if isinstance(event, SegmentClosed) else event
        heard = self._heard.transcript
        assert heard is not None
        told = {segment.index: segment for segment in self._told}
        segments = tuple(told.get(segment.index, segment) for segment in heard.segments)
        self.transcript = replace(heard, segments=segments, speaker_names=dict(self.speaker_names))
        self.costs = self._heard.costs

    async def _judged(self, closed: SegmentClosed) -> SegmentClosed:
        segment = closed.segment
        self._speakers.learn(self._heard.speaker_names)
        if segment.speaker is not None:
            lead = self.recording.lead
            vector = await self._voices.vector(segment.start - lead, segment.end - lead)
            segment = replace(segment, speaker=await self._speakers.number(segment.speaker, vector))
        self._told.append(segment)
        return replace(closed, segment=segment)


def known_voices_of(audio: StreamAudio, encoder: VoiceEncoder | None) -> KnownVoices | None:
    """Of ``audio`` as it was read; None where nobody is known, or nothing tells voices apart."""
    if encoder is None or not audio.clips or audio.recording is None:
        return None
    clips = dict(zip((clip.name for clip in audio.clips), audio.voices, strict=True))
    return KnownVoices(encoder, clips, audio.recording, audio.own_level)


def named(heard: Heard, voices: KnownVoices | None) -> Heard | NamedTranscription:
    """``heard``, looked through where there are known voices."""
    return heard if voices is None else NamedTranscription(heard, voices)


class _Speakers:
    """The numbers of the transcript: the model's, and others where it took two for one.

    Attributes:
        names: of numbers that are known; complete once `learn` was called.
    """

    def __init__(self, voices: KnownVoices) -> None:
        self.names: dict[int, str] = {}
        self._voices = voices
        self._own: dict[int, int] = {}  # by the model's numbers
        self._strangers: dict[int, Vector] = {}  # sums, by numbers of the transcript

    def learn(self, names: Mapping[int, str]) -> None:
        """The model's numbers of known speakers; who has none gets one."""
        if self.names:
            return
        self.names.update(names)
        self._own.update((number, number) for number in names)
        for name in self._voices.names:
            if name not in names.values():
                self.names[self._free()] = name

    async def number(self, speaker: int, vector: Vector | None) -> int:
        """Of whom the model calls ``speaker``, and who sounds like ``vector``."""
        own = self._own.get(speaker)
        if own is None:
            own = self._own[speaker] = speaker if speaker not in self._taken() else self._free()
        if vector is None:
            return own
        name = await self._voices.named(vector, self.names.get(own))
        if name is not None:
            return next(number for number, known in self.names.items() if known == name)
        if own in self.names:
            own = self._stranger(vector)
        self._strangers[own] = self._strangers.get(own, np.zeros_like(vector)) + vector
        return own

    def _stranger(self, vector: Vector) -> int:
        """Somebody unknown whom the model took for somebody known."""
        for number, total in self._strangers.items():
            if self._voices.alike(vector, total / np.float32(np.linalg.norm(total))):
                return number
        return self._free()

    def _taken(self) -> set[int]:
        return {*self.names, *self._own.values(), *self._strangers}

    def _free(self) -> int:
        taken = {*self._taken(), *self._own}
        return next(number for number in count() if number not in taken)
