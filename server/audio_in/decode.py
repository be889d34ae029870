"""An uploaded file of any supported format → blocks of mono 24 kHz float32, with damage and limits in view."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import BinaryIO

import numpy as np
from av.audio.frame import AudioFrame

from model.seam.audio import Samples
from server.audio_in.big_endian import in_known_order
from server.audio_in.containers import AudioFile, open_audio
from server.audio_in.cut_beginnings import with_beginning
from server.audio_in.encodings import CodedEncoding, PcmEncoding
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.frames import Piece, Timeline, decode_frames, samples_of
from server.audio_in.joined import Part, parts
from server.audio_in.limits import MAX_CHANNELS, DecodeLimits
from server.audio_in.listening import Listening, RawAudio
from server.audio_in.mixing import Mixer
from server.audio_in.offset import OffsetFilter
from server.audio_in.pcm import Channels, Resampler
from server.audio_in.raw import as_container, is_raw, pcm_pieces
from server.audio_in.report import DecodeReport
from server.audio_in.spliced import Readable
from server.audio_in.tracks import by_preference, clock_start

TRUNCATION_TOLERANCE = 0.5
"""Seconds that a header may promise beyond what is there: encoders round up to whole frames."""
_AUDIBLE = 1e-3
"""A track whose peaks stay below, -60 dB of full scale, is silent."""

_FOR_ALL = frozenset({AudioErrorCode.NO_SUCH_TRACK, AudioErrorCode.AUDIO_TOO_LONG, AudioErrorCode.DECODE_TIMEOUT})
"""Errors that end the reading of a file, not of one of the recordings in it."""
_LENGTH_IN_HEADER = frozenset({"wav", "w64", "aiff", "caf", "flac", "mov"})
"""Containers that state the length of a stream. The others have it guessed from bit rates or the last page."""

Block = tuple[Samples, ...]
"""A stretch of the recording: the mix of its channels alone, or each of them for itself."""


def decode(
    file: BinaryIO,
    limits: DecodeLimits,
    report: DecodeReport,
    listening: Listening = Listening(),  # noqa: B008 - frozen
) -> Generator[Block, None, None]:
    """Blocks of about one second, mono 24 kHz float32, of what is to be heard in ``file`` (binary, seekable).

    Recordings that are joined in one file follow each other. Damaged packets are skipped and missing ones replaced by
    silence. Memory does not grow with the length of the audio. ``report`` is filled on the way.

    Raises:
        AudioError: the audio cannot be used, or is longer than the limits allow; possibly after some blocks.
    """
    watch = _Watch(limits.work_seconds)
    pieces = _Reader(listening, report, watch.check, limits).pieces(file)
    for block in _without_offset(_blocks(pieces, report, split=listening.split)):
        report.rows = max(report.rows, len(block))
        limits.check_length(report.seconds, report.rows)
        with watch.paused():
            yield block
    if not report.samples:
        if report.damaged_packets or report.truncated:
            raise AudioError(AudioErrorCode.CORRUPT_AUDIO, "The file is damaged: none of its audio can be decoded.")
        raise AudioError(AudioErrorCode.EMPTY_AUDIO, "The file holds no audio samples.")


class _Reader:
    """Reads a file's recordings one after the other as the caller chose."""

    def __init__(
        self, listening: Listening, report: DecodeReport, check: Callable[[], None], limits: DecodeLimits
    ) -> None:
        self._listening, self._report, self._check, self._limits = listening, report, check, limits
        self._timeline = Timeline(report)
        self._refusal: AudioError | None = None

    def pieces(self, file: BinaryIO) -> Iterator[Piece]:
        """Of all recordings. Raises what was wrong with the first where none of them can be read."""
        raw = self._listening.raw
        if raw is None or not is_raw(file):
            return self._recordings(in_known_order(with_beginning(file)))
        if isinstance(raw.encoding, CodedEncoding):
            return self._recordings(as_container(file, raw.encoding))
        return self._samples(file, raw, raw.encoding)

    def _samples(self, file: BinaryIO, raw: RawAudio, encoding: PcmEncoding) -> Iterator[Piece]:
        self._report.container, self._report.codec = "raw", encoding.value
        self._report.source_rate, self._report.channels = raw.rate, raw.channels
        return (Piece(raw.rate, channels) for channels in pcm_pieces(file, raw, encoding, self._check))

    def _recordings(self, file: Readable) -> Iterator[Piece]:
        for part in parts(file, self._check):
            self._report.unread_bytes += part.behind
            self._report.more_parts |= part.more
            try:
                yield from self._part(part)
            except AudioError as error:
                if error.code in _FOR_ALL:
                    raise
                self._refusal = self._refusal or error
                self._report.unread_parts += 1
        if self._refusal is not None and not self._report.parts:
            raise self._refusal

    def _part(self, part: Part) -> Iterator[Piece]:
        track = self._listening.track if self._listening.track is not None else self._likeliest(part)
        with open_audio(part, self._check, track) as audio:
            self._introduce(audio)
            # A header is not believed where it promises less; one that promises too much saves the work.
            rows = audio.stream.codec_context.channels if self._listening.split else 1
            self._limits.check_length(_promised_seconds(audio) - TRUNCATION_TOLERANCE, rows)
            began = self._timeline.played
            start = None if self._listening.from_first_sample else clock_start(audio.container)
            yield from self._timeline.pieces(decode_frames(audio, self._report, self._check), start)
            if self._report.parts == 1:
                self._report.tracks = len(audio.container.streams.audio)  # some come up late
            heard = self._timeline.played - began
            self._report.truncated |= part.cut_short or _promised_seconds(audio) > heard + TRUNCATION_TOLERANCE

    def _introduce(self, audio: AudioFile) -> None:
        """What is told of the first recording."""
        report = self._report
        report.parts += 1
        if report.parts == 1:
            report.container = audio.container.format.name.split(",")[0]
            report.codec = audio.stream.codec_context.codec.canonical_name
            report.tracks, report.track = audio.tracks, audio.track

    def _likeliest(self, part: Part) -> int | None:
        """The first of the tracks in which something can be heard, else the least silent; None where there is one."""
        with open_audio(part, self._check) as audio:
            numbers = by_preference(audio.container)
        if len(numbers) == 1:
            return None
        peaks = {}
        for number in numbers:
            with open_audio(part, self._check, number) as audio:
                peaks[number] = _peak(decode_frames(audio, DecodeReport(), self._check))
            if peaks[number] > _AUDIBLE:
                return number
        return max(numbers, key=peaks.__getitem__)


def _peak(frames: Iterable[AudioFrame]) -> float:
    """Half of the largest swing within a frame, up to where it is clear that something can be heard."""
    largest = 0.0
    for frame in frames:
        channels = samples_of(frame)
        if channels.size:
            largest = max(largest, float(np.nanmax(np.ptp(channels, axis=1))) / 2)
        if largest > _AUDIBLE:
            break
    return largest


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
    stream, container = audio.stream, audio.container.format.name.split(",")[0]
    if container == "aiff" and not stream.codec_context.name.startswith("pcm"):
        return 0.0  # counted in packets, which FFmpeg takes for samples
    if container in _LENGTH_IN_HEADER and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return 0.0


def _blocks(pieces: Iterable[Piece], report: DecodeReport, *, split: bool) -> Iterator[Block]:
    """Pieces joined to about a second and resampled to 24 kHz; new resamplers where rate or channel count change."""
    for (rate, channels), run in groupby(pieces, key=lambda piece: (piece.rate, len(piece.channels))):
        resamplers = [Resampler(rate) for _ in range(channels if split else 1)]
        mixer = Mixer(rate)
        for second in _joined((piece.channels for piece in run), rate):
            rows = second if split else (mixer.mix(second),)
            yield from _counted([resampler.push(row) for resampler, row in zip(resamplers, rows, strict=True)], report)
        yield from _counted([resampler.flush() for resampler in resamplers], report)
        report.turned_seconds += mixer.turned_seconds
        report.silenced_samples += sum(resampler.silenced for resampler in resamplers)


def _without_offset(blocks: Iterable[Block]) -> Iterator[Block]:
    """Each row by itself. A row that begins later begins with silence, so it does not matter where its filter does."""
    filters = [OffsetFilter() for _ in range(MAX_CHANNELS)]
    for block in blocks:
        for row, offset in zip(block, filters, strict=False):
            offset.look(row)
        yield tuple(offset.push(row) for row, offset in zip(block, filters, strict=False))


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
