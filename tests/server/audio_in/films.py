"""Files with a picture, several tracks, and tracks that begin at different times."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from tests.server.audio_in.audio_media import Floats

RATE = 48_000


@dataclass(frozen=True, eq=False)
class Sound:
    """A track. ``wave``: [channels, samples] at 48 kHz; ``start``: seconds; ``default``: as it is marked, if it is."""

    wave: Floats
    codec: str = "aac"
    start: float = 0.0
    default: bool | None = None


@dataclass(frozen=True)
class Picture:
    """Ten a second."""

    seconds: float = 4.0
    start: float = 0.0
    codec: str = "mpeg4"


def film(
    container: str, *sounds: Sound, picture: Picture | None = None, options: tuple[tuple[str, str], ...] = ()
) -> bytes:
    """A file of ``container``, its packets in the order of their times."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film"
        with av.open(str(path), "w", format=container, options=dict(options)) as output:
            streams = [_add(output, sound) for sound in sounds]
            packets: list[Packet[Any]] = []
            if picture is not None:
                packets += _pictures(output, picture)
            for sound, stream in zip(sounds, streams, strict=True):
                packets += _sounds(stream, sound)
            packets.sort(key=_time)
            output.mux(packets)
        return path.read_bytes()


def _time(packet: Packet[Any]) -> Fraction:
    assert packet.dts is not None
    return packet.dts * packet.time_base


def _add(output: OutputContainer, sound: Sound) -> AudioStream:
    stream = output.add_stream(sound.codec, rate=RATE, layout={1: "mono", 2: "stereo"}[len(sound.wave)])
    assert isinstance(stream, AudioStream)
    if sound.default is not None:
        stream.disposition = Disposition.default if sound.default else Disposition(0)
    return stream


def _pictures(output: OutputContainer, picture: Picture) -> list[Packet[VideoStream]]:
    stream = output.add_stream(picture.codec, rate=10)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    packets = []
    for number in range(round(10 * picture.seconds)):
        frame = av.VideoFrame(64, 48, "yuv420p")
        frame.pts, frame.time_base = number + round(10 * picture.start), Fraction(1, 10)
        packets += stream.encode(frame)
    return [*packets, *stream.encode(None)]


def _sounds(stream: AudioStream, sound: Sound) -> list[Packet[AudioStream]]:
    context = stream.codec_context
    context.open()
    resampler = av.AudioResampler(
        format=context.format.name, layout=context.layout, rate=RATE, frame_size=context.frame_size or 1024
    )
    layout = {1: "mono", 2: "stereo"}[len(sound.wave)]
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.wave), "fltp", layout)
    frame.sample_rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), round(sound.start * RATE)
    packets = []
    for piece in [*resampler.resample(frame), *resampler.resample(None)]:
        packets += stream.encode(piece)
    return [packet for packet in [*packets, *stream.encode(None)] if packet.size]
