"""Media files made on the spot, all with the same content: 440 Hz, then 1000 Hz, one second each."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Generator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

import av
import numpy as np
import numpy.typing as npt
import soundfile  # type: ignore[import-untyped]
from av.audio.stream import AudioStream

from server.audio_in.confinement import import_all
from server.audio_in.decode import Block, FileDecoder
from server.audio_in.limits import DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.report import DecodeReport

Floats = npt.NDArray[np.float32]

SECONDS = 2.0
TONES = (440.0, 1000.0)
LEVELS = {1: (0.2,), 2: (0.3, 0.1), 6: (0.5, 0.3, 0.2, 0.0, 0.1, 0.1)}
"""Amplitude in each channel, by channel count; the mean is always 0.2. The low-frequency channel of 5.1 is silent."""
AMPLITUDE = 0.2
LIMITS = DecodeLimits(max_seconds=600, work_seconds=60)
_LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


@dataclass(frozen=True)
class Format:
    """A container and a codec, as PyAV (or soundfile, where ``by_soundfile``) names them."""

    container: str
    codec: str
    by_soundfile: bool = False
    video: bool = False
    options: tuple[tuple[str, str], ...] = ()
    bit_rate: int | None = None

    def __str__(self) -> str:
        return f"{self.container}-{self.codec}{'-video' if self.video else ''}"


def tones(rate: int, channels: int, seconds: float = SECONDS) -> Floats:
    """[channels, samples]: the first tone for the first half, then the second."""
    time = np.arange(round(seconds * rate)) / rate
    wave = np.where(time < seconds / 2, np.sin(2 * np.pi * TONES[0] * time), np.sin(2 * np.pi * TONES[1] * time))
    return (np.array(LEVELS[channels])[:, None] * wave).astype(np.float32)


def decode(
    file: BinaryIO,
    limits: DecodeLimits,
    report: DecodeReport,
    listening: Listening = Listening(),  # noqa: B008 - frozen
) -> Generator[Block, None, None]:
    """The blocks of a recording, read in this process."""
    return FileDecoder(file, limits, report, listening).blocks()


def silence(rate: int, seconds: float) -> Floats:
    return np.zeros((1, round(seconds * rate)), np.float32)


def media(form: Format, rate: int, channels: int = 1, wave: Floats | None = None) -> bytes:
    """A file of ``form`` that holds ``wave`` ([channels, samples]), by default the tones."""
    wave = tones(rate, channels) if wave is None else wave
    return _by_soundfile(form, rate, wave) if form.by_soundfile else _by_pyav(form, rate, wave)


def _by_soundfile(form: Format, rate: int, wave: Floats) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, wave.T, rate, format=form.container.upper(), subtype=form.codec.upper())
    return buffer.getvalue()


def _by_pyav(form: Format, rate: int, wave: Floats) -> bytes:
    with tempfile.TemporaryDirectory() as folder:  # a path, because some muxers go back to what they wrote
        path = Path(folder) / "media"
        with av.open(str(path), "w", format=form.container, options=dict(form.options)) as container:
            picture = container.add_stream("mpeg4", rate=10) if form.video else None
            if picture is not None:
                picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
            sound = container.add_stream(form.codec, rate=rate, layout=_LAYOUTS[len(wave)])
            assert isinstance(sound, AudioStream)
            context = sound.codec_context
            if form.bit_rate is not None:
                context.bit_rate = form.bit_rate
            context.open()
            resampler = av.AudioResampler(
                format=context.format.name, layout=context.layout, rate=rate, frame_size=context.frame_size or 1024
            )
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave), "fltp", _LAYOUTS[len(wave)])
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
            if picture is not None:
                for _ in range(round(10 * wave.shape[1] / rate)):
                    container.mux(picture.encode(av.VideoFrame(64, 48, "yuv420p")))
                container.mux(picture.encode(None))
            for piece in [*resampler.resample(frame), *resampler.resample(None)]:
                container.mux(sound.encode(piece))
            container.mux([packet for packet in sound.encode(None) if packet.size])  # FLAC ends with an empty one
        return path.read_bytes()


class Clip(NamedTuple):
    """A decoded file. ``samples``: of the mix."""

    samples: Floats
    report: DecodeReport


def clip_of(data: bytes, listening: Listening = Listening()) -> Clip:  # noqa: B008 - frozen
    """Decoded in this process, and nothing was imported for it: a decoder could not."""
    import_all()
    imported = set(sys.modules)
    report = DecodeReport()
    blocks = decode(io.BytesIO(data), LIMITS, report, listening)
    clip = Clip(np.concatenate([mix for (mix,) in blocks]), report)
    assert set(sys.modules) <= imported
    return clip


def amplitude(samples: Floats, hertz: float) -> float:
    """Of the tone in ``samples`` (24 kHz), by projection."""
    time = np.arange(len(samples)) / 24_000
    return 2 * abs(complex(np.mean(samples * np.exp(-2j * np.pi * hertz * time))))


def assert_tones(samples: Floats, tolerance: float = 0.08) -> None:
    """Both tones stand at their time at their level (relative ``tolerance``; LAME takes 5 %), and nothing much else."""
    assert abs(len(samples) / 24_000 - SECONDS) < 0.05
    for start, hertz, other in ((0, *TONES), (24_000, *reversed(TONES))):
        half = samples[start + 2_400 : start + 21_600]
        assert abs(amplitude(half, hertz) / AMPLITUDE - 1) < tolerance
        assert amplitude(half, other) < 0.02 * AMPLITUDE
        assert abs(np.sqrt(2 * np.mean(half.astype(np.float64) ** 2)) / AMPLITUDE - 1) < tolerance
