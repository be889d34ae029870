"""From an opened container to the samples of all channels, with what is missing filled in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from server.audio_in.containers import AudioFile
from server.audio_in.errors import AudioError
from server.audio_in.limits import check_shape
from server.audio_in.pcm import Channels, as_floats
from server.audio_in.report import DecodeReport

MIN_GAP = 0.25
"""Seconds. Timestamps that run ahead of the samples by less are rounding or a drifting clock, not missing audio."""
MAX_GAP = 300.0
"""Seconds. A larger jump is a restarted or forged clock, not missing audio."""
MIN_LEAD = 0.04
"""Seconds, a picture. Sound that begins later than its container by less is on time."""
MAX_LEAD = 86_400.0
"""Seconds. Sound cannot begin later."""
_SAME_CLOCK = 1.0
"""Seconds between what was played and the first timestamp of the next recording, if its clock simply ran on."""


class Piece(NamedTuple):
    """Samples of all channels. ``rate``: in Hz."""

    rate: int
    channels: Channels


def decode_frames(audio: AudioFile, report: DecodeReport, check: Callable[[], None]) -> Iterator[AudioFrame]:
    """The frames that can be decoded, counting the packets that cannot. ``check`` is called for every packet."""
    for packet in _packets(audio, report):
        check()
        try:
            frames = audio.stream.codec_context.decode(packet)
            for frame in frames:
                check_shape(frame.sample_rate, frame.layout.nb_channels)
        except (av.FFmpegError, AudioError):
            report.damaged_packets += 1
        else:
            yield from frames


def _packets(audio: AudioFile, report: DecodeReport) -> Iterator[Packet[AudioStream] | None]:
    """The stream's packets, then what flushes the decoder. A container that breaks off ends like a short one."""
    try:
        yield from audio.container.demux(audio.stream)
    except av.FFmpegError:
        report.truncated = True
        yield None
    except IndexError:  # PyAV's, at the end of a container in which a stream began late; everything was read
        yield None


def samples_of(frame: AudioFrame) -> Channels:
    """[channels, samples] of any sample format."""
    array = frame.to_ndarray()
    return as_floats(array if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels).T)


class Timeline:
    """Puts frames one behind the other as their timestamps say, over all recordings that are joined in a file.

    Containers such as Ogg and WebM drop damaged stretches without a word, and telephony codecs leave silence out;
    only the timestamps tell. Without the fill all later times in the transcript would be early. What is missing before
    the very first frame is not filled: it is `DecodeReport.lead_seconds`.

    Attributes:
        played: seconds that were put out so far.
    """

    def __init__(self, report: DecodeReport) -> None:
        self.played = 0.0
        self._report = report

    def pieces(self, frames: Iterable[AudioFrame], start: float | None = None) -> Iterator[Piece]:
        """The samples of one recording. ``start``: its container's, on the frames' clock; None for the first frame."""
        origin: float | None = None
        for frame in frames:
            rate = frame.sample_rate
            if not self._report.source_rate:
                self._report.source_rate, self._report.channels = rate, frame.layout.nb_channels
            if frame.time is not None:
                if origin is None:
                    origin = self._origin(frame.time, frame.time if start is None else start)
                gap = frame.time - origin - self.played
                if MIN_GAP < gap <= MAX_GAP:
                    self._report.filled_seconds += gap
                    self.played += gap
                    yield from _silence(round(gap * rate), rate, frame.layout.nb_channels)
                elif abs(gap) > MAX_GAP:
                    origin = frame.time - self.played
            yield Piece(rate, samples_of(frame))
            self.played += frame.samples / rate

    def _origin(self, first: float, start: float) -> float:
        """What the clock of a recording showed when `played` was 0. ``first``: its first frame's timestamp."""
        lead = first - start
        if not self.played:
            if MIN_LEAD < lead <= MAX_LEAD:
                self._report.lead_seconds = lead
            return first
        runs_on = first - self._report.lead_seconds
        if lead > MIN_GAP and abs(runs_on - self.played) < _SAME_CLOCK:
            return self._report.lead_seconds
        return (start if MIN_GAP < lead <= MAX_GAP else first) - self.played


def _silence(samples: int, rate: int, channels: int) -> Iterator[Piece]:
    for start in range(0, samples, rate):
        yield Piece(rate, np.zeros((channels, min(rate, samples - start)), np.float32))
