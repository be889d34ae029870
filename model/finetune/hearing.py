"""Recordings as the language model hears them: embeddings of the streaming encoder, which does not learn."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import av
import numpy as np
import soxr  # type: ignore[import-untyped]
import torch
from av.audio.resampler import AudioResampler

from model.encoder.streaming import EncoderState, StreamingEncoder
from model.finetune.errors import DataError
from model.seam.audio import SAMPLE_RATE, Samples, clip_level

_FRAMES = 450
"""Frames encoded at a time: a minute, whatever the recording's length."""
_KEPT_BYTES = 2 << 30
"""Embeddings that are kept on the host for the next time that a recording comes; those not used longest go first."""


def read_audio(path: Path) -> Samples:
    """Mono at 24 kHz, float32, from any container that FFmpeg reads. Raises DataError."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise DataError(f"{path} has no sound in it.")
            stream = container.streams.audio[0]
            planar = AudioResampler(format="fltp")
            frames = [part.to_ndarray() for frame in container.decode(stream) for part in planar.resample(frame)]
            rate = stream.rate
        mono = np.concatenate(frames, axis=1).mean(axis=0) if frames else np.empty(0, np.float32)
    except (av.FFmpegError, OSError, ValueError) as error:  # a ValueError: it changes its channels on the way
        raise DataError(f"{path} cannot be read: {error}.") from error
    samples = np.ascontiguousarray(soxr.resample(mono, rate, SAMPLE_RATE), dtype=np.float32) if mono.size else mono
    if not samples.size:
        raise DataError(f"{path} has no sound in it.")
    if not np.isfinite(samples).all():
        raise DataError(f"{path} has samples that are not numbers.")
    return samples


def seconds_of(path: Path) -> float | None:
    """As the container tells it, None where it does not. Raises DataError for what has no frame that can be decoded."""
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio or next(container.decode(container.streams.audio[0]), None) is None:
                raise DataError(f"{path} has no sound in it.")
            return None if container.duration is None else container.duration / 1_000_000
    except (av.FFmpegError, OSError) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error


class Ears:
    """Embeddings of recordings, and their lengths in seconds."""

    def __init__(self, encoder: StreamingEncoder, device: torch.device) -> None:
        self._encoder, self._device = encoder, device
        self._kept: OrderedDict[Path, tuple[torch.Tensor, float]] = OrderedDict()
        self._bytes = 0

    def hear(self, path: Path) -> tuple[torch.Tensor, float]:
        """[frames, hidden] on the device, without gradient, and seconds. Raises DataError."""
        if path in self._kept:
            self._kept.move_to_end(path)
            embeddings, seconds = self._kept[path]
            return embeddings.to(self._device), seconds
        samples = read_audio(path)
        heard = self._encode(clip_level(samples).apply(samples))
        kept, seconds = heard.cpu(), samples.size / SAMPLE_RATE
        self._kept[path] = kept, seconds
        self._bytes += kept.nbytes
        while self._bytes > _KEPT_BYTES:
            _, (old, _) = self._kept.popitem(last=False)
            self._bytes -= old.nbytes
        return heard, seconds

    def _encode(self, samples: Samples) -> torch.Tensor:
        hop, state = self._encoder.hop, EncoderState()
        padded = np.pad(samples, (0, -samples.size % hop))
        size = _FRAMES * hop
        parts = [self._encoder.encode([state], [padded[at : at + size]])[0] for at in range(0, padded.size, size)]
        self._encoder.wait(None if self._encoder.stream is None else torch.cuda.current_stream(self._device), parts)
        return torch.cat(parts).clone()  # what was made in inference mode cannot take part in learning
