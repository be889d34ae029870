"""From a file to what the model hears: the recording or its channels, with known speakers' clips in front of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import BinaryIO

import numpy as np

from model.seam.audio import LEVEL_SLICE, SAMPLE_RATE, Level, Samples, clip_level, level_of
from server.audio_in.decode_pool import DecodedAudio, DecodePool
from server.audio_in.errors import AudioError
from server.audio_in.kept_samples import slices
from server.audio_in.limits import DecodeLimits
from server.recordings.channels import audible
from server.recordings.errors import UnusableReference
from server.recordings.recording import Part, Recording, StreamAudio, blocks
from server.recordings.wishes import KnownSpeaker, Wishes
from server.resources import BudgetSpent, spent_resource
from server.transcript.references import ReferenceClip

_REFERENCE_SECONDS = (2.0, 10.0)
_GAP_SECONDS = 0.5
"""Silence behind every clip, so that the model hears turns and not one long one."""

_Clip = tuple[str, Samples]
"""A known speaker's name and voice."""


async def read_recording(
    decoders: DecodePool, file: BinaryIO, wishes: Wishes, limits: DecodeLimits
) -> tuple[Recording, list[StreamAudio]]:
    """Decode ``file`` and the speakers' clips. Returns the facts, and what the model is to hear.

    That is the mix of all channels, or each that is worth hearing for itself.

    Raises AudioError, UnusableReference, BudgetSpent, DecoderFailed, DecodeStopped.
    """
    try:
        audio = await decoders.decode(file, limits, wishes.listening)
    except (OSError, MemoryError) as error:
        if (resource := spent_resource(error)) is None:
            raise
        raise BudgetSpent(resource) from error
    clips = [await _read_reference(decoders, speaker, limits) for speaker in wishes.speakers]
    return await asyncio.to_thread(_split if wishes.listening.split else _mixed, audio, clips)


async def _read_reference(decoders: DecodePool, speaker: KnownSpeaker, limits: DecodeLimits) -> _Clip:
    shortest, longest = _REFERENCE_SECONDS
    try:
        clip = await decoders.decode(BytesIO(speaker.clip), limits)
    except AudioError as error:
        raise UnusableReference(error.message, error.code) from None
    if not shortest <= clip.report.seconds <= longest:
        raise UnusableReference(f"Each must last {shortest:g} to {longest:g} seconds, not {clip.report.seconds:.1f}.")
    return speaker.name, clip.channels[0]


def _mixed(audio: DecodedAudio, clips: Sequence[_Clip]) -> tuple[Recording, list[StreamAudio]]:
    (samples,) = audio.channels
    return _facts(audio, audio.report.notes), [_stream(samples, clips)]


def _split(audio: DecodedAudio, clips: Sequence[_Clip]) -> tuple[Recording, list[StreamAudio]]:
    heard, notes = audible(audio.channels)
    facts = _facts(audio, (*audio.report.notes, *notes), len(audio.channels))
    return facts, [_stream(audio.channels[number], clips, number) for number in heard]


def _facts(audio: DecodedAudio, notes: tuple[str, ...], channels: int | None = None) -> Recording:
    return Recording(audio.report.seconds, notes, channels, audio.report.lead_seconds)


def _stream(samples: Samples, clips: Sequence[_Clip], channel: int | None = None) -> StreamAudio:
    if clips:
        return _behind(clips, samples, channel)
    level = level_of(slices(samples, LEVEL_SLICE))
    passing = blocks([Part(samples)])
    return StreamAudio(passing, samples.size, level, channel=channel, recording=samples, own_level=level)


def _behind(clips: Sequence[_Clip], samples: Samples, channel: int | None) -> StreamAudio:
    """``samples`` behind the clips. Each is brought to the model's level by itself: microphones differ."""
    gap = Part(np.zeros(round(_GAP_SECONDS * SAMPLE_RATE), np.float32))
    parts: list[Part] = []
    places: list[ReferenceClip] = []
    start = 0
    for name, voice in clips:
        end = start + voice.size
        places.append(ReferenceClip(name, start / SAMPLE_RATE, end / SAMPLE_RATE))
        parts += [Part(voice, clip_level(voice)), gap]
        start = end + gap.samples.size
    level = level_of(slices(samples, LEVEL_SLICE))
    voices = tuple(part.level.apply(part.samples) for part in parts[::2])
    parts.append(Part(samples, level))
    return StreamAudio(
        blocks(parts),
        start + samples.size,
        Level(),
        start / SAMPLE_RATE,
        tuple(places),
        channel,
        recording=samples,
        own_level=level,
        voices=voices,
    )
