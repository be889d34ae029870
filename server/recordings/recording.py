"""An upload's audio, ready for the model: the recording, with known speakers' clips in front of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import numpy as np
from starlette.concurrency import run_in_threadpool

from model.seam.audio import SAMPLE_RATE, Level, Samples, clip_level, frame_count
from server.audio_in.decode_pool import DecodedAudio, DecodePool
from server.audio_in.errors import AudioError
from server.audio_in.limits import DecodeLimits
from server.http.errors import invalid
from server.http.upload import decode_base64
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.transcript.references import ReferenceClip

_PARAM = "known_speaker_references"
_REFERENCE_SECONDS = (2.0, 10.0)
_GAP_SECONDS = 0.5
"""Silence behind every clip, so that the model hears turns and not one long one."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the model hears.

    Attributes:
        samples: [n] at 24 kHz: clips and gaps, then the recording.
        level: the gain that ``samples`` still need.
        seconds: of the recording alone.
        offset: seconds of clips and gaps before it.
        clips: where in ``samples`` the known speakers talk.
        notes: what was wrong with the file, for the client.
    """

    samples: Samples
    level: Level
    seconds: float
    offset: float = 0.0
    clips: tuple[ReferenceClip, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def frames(self) -> int:
        return frame_count(self.samples.size)


async def read_recording(
    decoders: DecodePool, file: BinaryIO, parameters: TranscriptionParameters, limits: DecodeLimits
) -> Recording:
    """Decode the file and the references. Raises AudioError, and ApiError for an unusable reference."""
    clip = await decoders.decode(file, limits)
    if not parameters.known_speaker_references:
        level = await run_in_threadpool(clip_level, clip.samples)
        return Recording(clip.samples, level, clip.report.seconds, notes=clip.report.notes)
    references = [await _read_reference(decoders, url, limits) for url in parameters.known_speaker_references]
    return await run_in_threadpool(_behind, references, parameters.known_speaker_names, clip)


async def _read_reference(decoders: DecodePool, url: str, limits: DecodeLimits) -> Samples:
    header, comma, data = url.partition(",")
    if not comma or not header.startswith("data:") or not header.endswith(";base64"):
        raise invalid(_PARAM, f"{_PARAM} must be data: URLs with base64.")
    shortest, longest = _REFERENCE_SECONDS
    try:
        clip = await decoders.decode(BytesIO(decode_base64(data, _PARAM)), limits)
    except AudioError as error:
        raise invalid(_PARAM, f"{_PARAM}: {error.message}", code=error.code) from None
    if not shortest <= clip.report.seconds <= longest:
        raise invalid(
            _PARAM,
            f"{_PARAM} must last {shortest:g} to {longest:g} seconds each, not {clip.report.seconds:.1f}.",
        )
    return clip.samples


def _behind(references: Sequence[Samples], names: Sequence[str], clip: DecodedAudio) -> Recording:
    """``clip`` behind the references. Each is brought to the model's level by itself: microphones differ."""
    gap = np.zeros(round(_GAP_SECONDS * SAMPLE_RATE), np.float32)
    parts: list[Samples] = []
    clips: list[ReferenceClip] = []
    start = 0
    for name, reference in zip(names, references, strict=True):
        end = start + reference.size
        clips.append(ReferenceClip(name, start / SAMPLE_RATE, end / SAMPLE_RATE))
        parts += [clip_level(reference).apply(reference), gap]
        start = end + gap.size
    parts.append(clip_level(clip.samples).apply(clip.samples))
    return Recording(
        np.concatenate(parts), Level(), clip.report.seconds, start / SAMPLE_RATE, tuple(clips), clip.report.notes
    )
