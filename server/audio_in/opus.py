"""Speech in few bytes: Opus in Ogg, of this server's own samples and for nobody else to decode."""

from __future__ import annotations

import io

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from model.seam.audio import SAMPLE_RATE, Samples

_BITS_PER_SECOND = 48_000
"""For the model, speakers are then who they were."""


def encoded(samples: Samples) -> bytes:
    """``samples`` ([n], mono, 24 kHz) as an Ogg file, of some 6 KB a second. For a thread: 1 % of the audio's time."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE)
        stream.bit_rate = _BITS_PER_SECOND
        pcm = np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)
        frame = AudioFrame.from_ndarray(pcm[np.newaxis], format="s16", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return file.getvalue()


def decoded(opus: bytes, size: int) -> Samples:
    """What `encoded` made of ``size`` samples. Not for bytes of strangers: those are decoded in a child process."""
    resampler = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    parts: list[Samples] = []
    with av.open(io.BytesIO(opus), "r", format="ogg") as container:
        for frame in container.decode(audio=0):
            parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
        parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    samples = np.concatenate([*parts, np.zeros(size, np.float32)])[:size]
    return samples.astype(np.float32)
