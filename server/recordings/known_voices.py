"""A second opinion on known speakers: the vector of each segment is compared with those of the clips.

A model that hears clips in front of a recording takes one voice for another now and then, and never takes it back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace

from model.seam.audio import SAMPLE_RATE, Samples
from server.recordings.begun import Standing
from server.recordings.known_speakers import KnownSpeakers
from server.recordings.sound import Sound
from server.recordings.stream_audio import StreamAudio
from server.recordings.transcription import StreamTranscription, Transcription
from server.recordings.windowed.transcription import WindowedTranscription
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.segments import Segment
from server.voices.encoder import Likeness, Vector, VoiceEncoder

_LEAST = 0.4
"""Seconds of speech of which a vector tells anything."""


Heard = StreamTranscription | WindowedTranscription


class KnownVoices:
    """Known speakers' clips, and the sound of the recording.

    Args:
        encoder: makes the vectors.
        clips: by name, at the model's level.
        sound: of the recording.
    """

    def __init__(self, encoder: VoiceEncoder, clips: Mapping[str, Samples], sound: Sound) -> None:
        self._encoder = encoder
        self._clips = clips
        self._sound = sound
        self._known: dict[str, Vector] | None = None

    @property
    def likeness(self) -> Likeness:
        """How the vectors are to be compared."""
        return self._encoder.likeness

    async def clips(self) -> Mapping[str, Vector]:
        """What each known speaker's clip sounds like, by name, in the order of the clips."""
        if self._known is None:
            vectors = await self._encoder.vectors(list(self._clips.values()))
            self._known = dict(zip(self._clips, vectors, strict=True))
        return self._known

    async def vector(self, start: float, end: float) -> Vector | None:
        """Of what is said between two seconds of the sound; None where that is too short to tell."""
        last = round(end * SAMPLE_RATE)
        piece = self._sound.stretch(round(start * SAMPLE_RATE), last)
        if piece.size < _LEAST * SAMPLE_RATE:
            return None
        level = await asyncio.to_thread(self._sound.level, last)
        (vector,) = await self._encoder.vectors([level.apply(piece)])
        return vector


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
        self._speakers = KnownSpeakers(voices.likeness)
        self._told: list[Segment] = []

    @property
    def speaker_names(self) -> Mapping[int, str]:
        return self._speakers.names

    @property
    def first_token_at(self) -> float | None:
        return self._heard.first_token_at

    @property
    def standings(self) -> tuple[Standing, ...]:
        return self._heard.standings

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
        self._know(self._heard.recording)
        told = {segment.index: segment for segment in self._told}
        segments = tuple(told.get(segment.index, segment) for segment in heard.segments)
        self.transcript = replace(heard, segments=segments, speaker_names=dict(self.speaker_names))
        self.costs = self._heard.costs

    async def _judged(self, closed: SegmentClosed) -> SegmentClosed:
        segment = closed.segment
        self._speakers.learn(self._heard.speaker_names, await self._voices.clips())
        if segment.speaker is not None:
            lead = self.recording.lead
            vector = await self._voices.vector(segment.start - lead, segment.end - lead)
            seconds = segment.end - segment.start
            segment = replace(segment, speaker=self._speakers.number(segment.speaker, vector, seconds))
        self._told.append(segment)
        return replace(closed, segment=segment)


def known_voices_of(audio: StreamAudio, encoder: VoiceEncoder | None) -> KnownVoices | None:
    """Of ``audio`` as it was read; None where nobody is known, or nothing tells voices apart."""
    if encoder is None or not audio.clips or audio.sound is None:
        return None
    clips = dict(zip((clip.name for clip in audio.clips), audio.voices, strict=True))
    return KnownVoices(encoder, clips, audio.sound)


def named(heard: Heard, voices: KnownVoices | None) -> Heard | NamedTranscription:
    """``heard``, looked through where there are known voices."""
    return heard if voices is None else NamedTranscription(heard, voices)
