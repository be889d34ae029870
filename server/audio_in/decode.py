"""An uploaded file of any supported format → blocks of mono 24 kHz float32, with damage and limits in view."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import BinaryIO, NamedTuple

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from model.seam.audio import SAMPLE_RATE, Samples
from server.audio_in.containers import AudioFile, open_audio
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.limits import DecodeLimits, check_shape
from server.audio_in.listening import Listening
from server.audio_in.pcm import Channels, Resampler, as_floats, mix

MIN_GAP = 0.25
"""Seconds. Timestamps that run ahead of the samples by less are rounding or a drifting clock, not missing audio."""
MAX_GAP = 300.0
"""Seconds. A larger jump is a restarted or forged clock, not missing audio."""
TRUNCATION_TOLERANCE = 0.5
"""Seconds that a header may promise beyond what is there: encoders round up to whole frames."""

_LENGTH_IN_HEADER = frozenset({"wav", "w64", "aiff", "caf", "flac", "mov"})
"""Containers that state the length of a stream. The others have it guessed from bit rates or the last page."""


Block = tuple[Samples, ...]
"""A stretch of the recording: the mix of its channels alone, or each of them for itself."""


@dataclass(slots=True)
class DecodeReport:
    """What was found in a file; filled while it is decoded, final once the last block is out.

    Attributes:
        container: FFmpeg's short name, e.g. ``wav``, ``mov`` (MP4 and M4A too), ``matroska`` (WebM too).
        codec: e.g. ``aac``.
        source_rate: Hz, of the first frame.
        channels: of the first frame.
        rows: how many sequences of samples were made of them.
        samples: of each row, decoded so far, at 24 kHz.
        damaged_packets: packets that could not be decoded.
        filled_seconds: silence put where timestamps show that audio is missing, so that later times stay true.
        silenced_samples: NaN, infinite or absurdly large samples that were replaced by 0.
        truncated: the header promises more audio than the file holds.
    """

    container: str = ""
    codec: str = ""
    source_rate: int = 0
    channels: int = 0
    rows: int = 0
    samples: int = 0
    damaged_packets: int = 0
    filled_seconds: float = 0.0
    silenced_samples: int = 0
    truncated: bool = False

    @property
    def seconds(self) -> float:
        return self.samples / SAMPLE_RATE

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about damage, for the client; none where the file is sound."""
        notes = []
        if self.damaged_packets:
            notes.append(f"{self.damaged_packets} damaged packets of the audio were skipped.")
        if self.filled_seconds:
            notes.append(f"{self.filled_seconds:.1f} s of missing audio were filled with silence.")
        if self.silenced_samples:
            notes.append(f"{self.silenced_samples} invalid samples were silenced.")
        if self.truncated:
            notes.append(f"The file ends early: only {self.seconds:.1f} s of audio are in it.")
        return tuple(notes)


def decode(
    file: BinaryIO,
    limits: DecodeLimits,
    report: DecodeReport,
    listening: Listening = Listening(),  # noqa: B008 - frozen
) -> Generator[Block, None, None]:
    """Blocks of about one second, mono 24 kHz float32, of the first audio stream in ``file`` (binary, seekable).

    Damaged packets are skipped and missing ones replaced by silence. Memory does not grow with the length of the
    audio. ``report`` is filled on the way.

    Raises:
        AudioError: the audio cannot be used, or is longer than the limits allow; possibly after some blocks.
    """
    watch = _Watch(limits.work_seconds)
    with open_audio(file, watch.check) as audio:
        report.container = audio.container.format.name.split(",")[0]
        report.codec = audio.stream.codec_context.codec.canonical_name
        pieces = continuous_pieces(decode_frames(audio, report, watch.check), report)
        for block in _blocks(pieces, report, split=listening.split):
            report.rows = max(report.rows, len(block))
            limits.check_length(report.seconds, report.rows)
            with watch.paused():
                yield block
        report.truncated |= audio.cut_short or _promised_seconds(audio) > report.seconds + TRUNCATION_TOLERANCE
    if not report.samples:
        if report.damaged_packets or report.truncated:
            raise AudioError(AudioErrorCode.CORRUPT_AUDIO, "The file is damaged: none of its audio can be decoded.")
        raise AudioError(AudioErrorCode.EMPTY_AUDIO, "The file holds no audio samples.")


class _Watch:
    """Ends a decode that works for too long."""

    def __init__(self, work_seconds: float) -> None:
        self._deadline = time.monotonic() + work_seconds

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time inside is not work."""
        began = time.monotonic()
        yield
        self._deadline += time.monotonic() - began


def _promised_seconds(audio: AudioFile) -> float:
    """The length stated in the container's header; 0 where none is or where it is a guess."""
    stream = audio.stream
    if audio.container.format.name.split(",")[0] in _LENGTH_IN_HEADER and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return 0.0


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


class Piece(NamedTuple):
    """Samples of all channels. ``rate``: in Hz."""

    rate: int
    channels: Channels


def continuous_pieces(frames: Iterable[AudioFrame], report: DecodeReport) -> Iterator[Piece]:
    """The samples of each frame, with silence where timestamps show that audio is missing.

    Containers such as Ogg and WebM drop damaged stretches without a word, and telephony codecs leave silence out;
    only the timestamps tell. Without the fill all later times in the transcript would be early.
    """
    origin: float | None = None
    played = 0.0
    for frame in frames:
        rate = frame.sample_rate
        if not report.source_rate:
            report.source_rate, report.channels = rate, frame.layout.nb_channels
        if frame.time is not None:
            if origin is None:
                origin = frame.time
            gap = frame.time - origin - played
            if MIN_GAP < gap <= MAX_GAP:
                report.filled_seconds += gap
                played += gap
                yield from _silence(round(gap * rate), rate, frame.layout.nb_channels)
            elif abs(gap) > MAX_GAP:
                origin = frame.time - played
        array = frame.to_ndarray()
        yield Piece(rate, as_floats(array if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels).T))
        played += frame.samples / rate


def _silence(samples: int, rate: int, channels: int) -> Iterator[Piece]:
    for start in range(0, samples, rate):
        yield Piece(rate, np.zeros((channels, min(rate, samples - start)), np.float32))


def _blocks(pieces: Iterable[Piece], report: DecodeReport, *, split: bool) -> Iterator[Block]:
    """Pieces joined to about a second and resampled to 24 kHz; new resamplers where rate or channel count change."""
    for (rate, channels), run in groupby(pieces, key=lambda piece: (piece.rate, len(piece.channels))):
        resamplers = [Resampler(rate) for _ in range(channels if split else 1)]
        for second in _joined((piece.channels for piece in run), rate):
            rows = second if split else (mix(second),)
            yield from _counted([resampler.push(row) for resampler, row in zip(resamplers, rows, strict=True)], report)
        yield from _counted([resampler.flush() for resampler in resamplers], report)
        report.silenced_samples += sum(resampler.silenced for resampler in resamplers)


def _joined(pieces: Iterable[Channels], least: int) -> Iterator[Channels]:
    """Pieces put together until they have ``least`` samples."""
    held: list[Channels] = []
    samples = 0
    for piece in pieces:
        held.append(piece)
        samples += piece.shape[1]
        if samples >= least:
            yield np.concatenate(held, axis=1)
            held, samples = [], 0
    if held:
        yield np.concatenate(held, axis=1)


def _counted(rows: Sequence[Samples], report: DecodeReport) -> Iterator[Block]:
    report.samples += rows[0].size
    if rows[0].size:
        yield tuple(rows)
