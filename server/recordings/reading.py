"""From a file to what the model hears: the recording or its channels, with known speakers' clips in front of each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import inf
from typing import BinaryIO

import numpy as np

from model.seam.audio import LEVEL_SLICE, SAMPLE_RATE, Level, Samples, clip_level, level_of
from server.audio_in.decode_pool import DecodedAudio, DecodePool
from server.audio_in.decoding import Decoding
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.kept_samples import slices
from server.audio_in.limits import DecodeLimits
from server.recordings.arriving_channels import ArrivingChannels
from server.recordings.channels import audible
from server.recordings.errors import UnusableReference
from server.recordings.recording import Part, Recording, blocks
from server.recordings.sound import ArrivingSound, WholeSound, facts, told_shortage
from server.recordings.stream_audio import StreamAudio
from server.recordings.wishes import KnownSpeaker, Wishes
from server.transcript.references import ReferenceClip

_REFERENCE_SECONDS = (2.0, 10.0)
_GAP_SECONDS = 0.5
"""Silence behind every clip, so that the model hears turns and not one long one."""

_CHANGING = frozenset({"aac", "ac3", "eac3", "loas", "mpeg", "mpegts"})
"""Containers whose packets say for themselves how many channels they have: nothing tells before that more come up."""

_Clip = tuple[str, Samples]
"""A known speaker's name and voice."""


async def read_recording(
    decoders: DecodePool, file: BinaryIO, wishes: Wishes, limits: DecodeLimits
) -> tuple[Recording, list[StreamAudio]]:
    """Decode all of ``file``, and the speakers' clips. Returns the facts, and what the model is to hear.

    That is the mix of all channels, or each that is worth hearing for itself.

    Raises AudioError, UnusableReference, BudgetSpent, DecoderFailed, DecodeStopped.
    """
    async with decoders.begin(file, limits, wishes.listening) as decoding:
        return await begin_recording(decoders, decoding, wishes, limits)


async def begin_recording(
    decoders: DecodePool, decoding: Decoding, wishes: Wishes, limits: DecodeLimits, longest: float = inf
) -> tuple[Recording, list[StreamAudio]]:
    """The same of a file that lasts ``longest`` seconds at most. Of a longer one only so much is decoded: the facts are
    what is known by now, and the sound comes as it is asked for, until ``decoding`` is closed. Of channels that are
    heard each for itself all are there then: which are worth hearing turns out. Where they could become more all of the
    file is decoded.
    """
    with told_shortage():
        await decoding.reach(longest * SAMPLE_RATE + 1)
        seconds = 0.0 if decoding.over else (await decoding.extent()).seconds
        if wishes.listening.split and decoding.report.container in _CHANGING:
            await decoding.reach(inf)
    clips = [await _read_reference(decoders, speaker, limits) for speaker in wishes.speakers]
    if not decoding.over:
        return await _arriving(decoding, seconds, wishes, clips)
    audio = DecodedAudio.of(decoding)
    await decoding.close()
    return await asyncio.to_thread(_split if wishes.listening.split else _mixed, audio, clips)


async def _read_reference(decoders: DecodePool, speaker: KnownSpeaker, limits: DecodeLimits) -> _Clip:
    shortest, longest = _REFERENCE_SECONDS
    try:
        clip = await decoders.decode(BytesIO(speaker.clip), limits)
    except AudioError as error:
        if error.code is AudioErrorCode.AUDIO_TOO_LONG:  # what it says is of recordings, which may be sent in parts
            most = min(longest, limits.max_seconds)
            raise UnusableReference(f"Each must last {shortest:g} to {most:g} seconds.", error.code) from None
        raise UnusableReference(error.message, error.code) from None
    if not shortest <= clip.report.seconds <= longest:
        raise UnusableReference(f"Each must last {shortest:g} to {longest:g} seconds, not {clip.report.seconds:.1f}.")
    return speaker.name, clip.channels[0]


async def _arriving(
    decoding: Decoding, seconds: float, wishes: Wishes, clips: Sequence[_Clip]
) -> tuple[Recording, list[StreamAudio]]:
    """It is heard in windows, so that nothing passes."""
    if wishes.listening.split:
        channels = ArrivingChannels(decoding, seconds)
        await channels.look()
        sounds = [_in_windows(sound, clips, number) for number, sound in enumerate(channels.sounds)]
        return channels.recording, sounds
    recording = facts(decoding, seconds)
    return recording, [_in_windows(ArrivingSound(decoding, recording.seconds), clips)]


def _in_windows(sound: ArrivingSound, clips: Sequence[_Clip], channel: int | None = None) -> StreamAudio:
    front = _in_front(clips)
    length, offset = front.samples + sound.length, front.samples / SAMPLE_RATE
    return StreamAudio(iter(()), length, Level(), offset, front.places, channel, sound, front.voices)


def _mixed(audio: DecodedAudio, clips: Sequence[_Clip]) -> tuple[Recording, list[StreamAudio]]:
    (samples,) = audio.channels
    return _facts(audio, audio.report.notes), [_stream(samples, clips)]


def _split(audio: DecodedAudio, clips: Sequence[_Clip]) -> tuple[Recording, list[StreamAudio]]:
    heard, notes = audible(audio.channels)
    known = _facts(audio, (*audio.report.notes, *notes), len(audio.channels))
    return known, [_stream(audio.channels[number], clips, number) for number in heard]


def _facts(audio: DecodedAudio, notes: tuple[str, ...], channels: int | None = None) -> Recording:
    return Recording(audio.report.seconds, notes, channels, audio.report.lead_seconds)


def _stream(samples: Samples, clips: Sequence[_Clip], channel: int | None = None) -> StreamAudio:
    """``samples`` behind the clips, where there are any."""
    level = level_of(slices(samples, LEVEL_SLICE))
    sound = WholeSound(samples, level)
    if not clips:
        return StreamAudio(blocks([Part(samples)]), samples.size, level, channel=channel, sound=sound)
    front = _in_front(clips)
    return StreamAudio(
        blocks([*front.parts, Part(samples, level)]),
        front.samples + samples.size,
        Level(),
        front.samples / SAMPLE_RATE,
        front.places,
        channel,
        sound,
        front.voices,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Front:
    """The clips, as they stand in front of a recording; see `StreamAudio`."""

    parts: tuple[Part, ...]
    places: tuple[ReferenceClip, ...]
    voices: tuple[Samples, ...]
    samples: int


def _in_front(clips: Sequence[_Clip]) -> _Front:
    """Each is brought to the model's level by itself: microphones differ."""
    gap = Part(np.zeros(round(_GAP_SECONDS * SAMPLE_RATE), np.float32))
    parts: list[Part] = []
    places: list[ReferenceClip] = []
    start = 0
    for name, voice in clips:
        end = start + voice.size
        places.append(ReferenceClip(name, start / SAMPLE_RATE, end / SAMPLE_RATE))
        parts += [Part(voice, clip_level(voice)), gap]
        start = end + gap.samples.size
    voices = tuple(part.level.apply(part.samples) for part in parts[::2])
    return _Front(tuple(parts), tuple(places), voices, start)
