"""From a file to what the model hears: the recording, with known speakers' clips in front of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

import numpy as np

from model.seam.audio import SAMPLE_RATE, Level, Samples, clip_level
from server.audio_in.decode_pool import DecodedAudio, DecodePool
from server.audio_in.errors import AudioError
from server.audio_in.limits import DecodeLimits
from server.recordings.errors import UnusableReference
from server.recordings.recording import Part, Recording, blocks
from server.recordings.wishes import KnownSpeaker
from server.transcript.references import ReferenceClip

_REFERENCE_SECONDS = (2.0, 10.0)
_GAP_SECONDS = 0.5
"""Silence behind every clip, so that the model hears turns and not one long one."""


async def read_recording(
    decoders: DecodePool, file: BinaryIO, speakers: Sequence[KnownSpeaker], limits: DecodeLimits
) -> tuple[Recording, Iterator[Samples]]:
    """Decode ``file`` and the speakers' clips. Returns the facts, and the samples to be taken once (see `blocks`).

    Raises AudioError, UnusableReference, DecodeStopped.
    """
    audio = await decoders.decode(file, limits)
    references = [await _read_reference(decoders, speaker, limits) for speaker in speakers]
    if not references:
        return await asyncio.to_thread(_alone, audio)
    return await asyncio.to_thread(_behind, references, audio)


async def _read_reference(decoders: DecodePool, speaker: KnownSpeaker, limits: DecodeLimits) -> tuple[str, Samples]:
    shortest, longest = _REFERENCE_SECONDS
    try:
        clip = await decoders.decode(BytesIO(speaker.clip), limits)
    except AudioError as error:
        raise UnusableReference(error.message, error.code) from None
    if not shortest <= clip.report.seconds <= longest:
        raise UnusableReference(f"Each must last {shortest:g} to {longest:g} seconds, not {clip.report.seconds:.1f}.")
    return speaker.name, clip.channels[0]


def _alone(audio: DecodedAudio) -> tuple[Recording, Iterator[Samples]]:
    (samples,) = audio.channels
    level = clip_level(samples)
    facts = Recording(samples.size, level, audio.report.seconds, notes=audio.report.notes)
    return facts, blocks([Part(samples)])


def _behind(references: Sequence[tuple[str, Samples]], audio: DecodedAudio) -> tuple[Recording, Iterator[Samples]]:
    """``audio`` behind the references. Each is brought to the model's level by itself: microphones differ."""
    gap = Part(np.zeros(round(_GAP_SECONDS * SAMPLE_RATE), np.float32))
    parts: list[Part] = []
    clips: list[ReferenceClip] = []
    start = 0
    for name, samples in references:
        end = start + samples.size
        clips.append(ReferenceClip(name, start / SAMPLE_RATE, end / SAMPLE_RATE))
        parts += [Part(samples, clip_level(samples)), gap]
        start = end + gap.samples.size
    (samples,) = audio.channels
    parts.append(Part(samples, clip_level(samples)))
    facts = Recording(
        start + samples.size,
        Level(),
        audio.report.seconds,
        start / SAMPLE_RATE,
        tuple(clips),
        audio.report.notes,
    )
    return facts, blocks(parts)
