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
from server.audio_in.containers import AudioFile, open_audio
from server.audio_in.contents import RawSamples, contents_of
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.frames import Piece, Timeline, decode_frames, samples_of
from server.audio_in.joined import JoinedFile, Part
from server.audio_in.length import extent_of, promised_seconds
from server.audio_in.limits import MAX_CHANNELS, DecodeLimits
from server.audio_in.listening import Listening
from server.audio_in.mixing import Mixer
from server.audio_in.offset import OffsetFilter
from server.audio_in.pcm import Channels, Resampler
from server.audio_in.report import DecodeReport, Extent
from server.audio_in.tracks import by_preference, clock_start

TRUNCATION_TOLERANCE = 0.5
"""Seconds that a header may promise beyond what is there: encoders round up to whole frames."""
_AUDIBLE = 1e-3
"""A track whose peaks stay below, -60 dB of full scale, is silent."""

_FOR_ALL = frozenset({AudioErrorCode.NO_SUCH_TRACK, AudioErrorCode.AUDIO_TOO_LONG, AudioErrorCode.DECODE_TIMEOUT})
"""Errors that end the reading of a file, not of one of the recordings in it."""

Block = tuple[Samples, ...]
"""A stretch of the recording: the mix of its channels alone, or each of them for itself."""


class FileDecoder:
    """Decodes what is to be heard in ``file`` (binary, seekable). ``report`` is filled on the way."""

    def __init__(self, file: BinaryIO, limits: DecodeLimits, report: DecodeReport, listening: Listening) -> None:
        self._limits, self._report, self._listening = limits, report, listening
        self._watch = Watch(limits.work_seconds)
        self._contents = contents_of(file, listening, self._watch.check)

    def blocks(self) -> Generator[Block, None, None]:
        """Blocks of about one second, mono 24 kHz float32.

        Recordings that are joined in one file follow each other. Damaged packets are skipped and missing ones replaced
        by silence. Memory does not grow with the length of the audio.

        Raises:
            AudioError: the audio cannot be used, or is longer than the limits allow; possibly after some blocks.
        """
        report, split = self._report, self._listening.split
        pieces = _Reader(self._listening, report, self._watch.check, self._limits).pieces(self._contents)
        for block in _without_offset(_blocks(pieces, report, split=split)):
            report.rows = max(report.rows, len(block))
            self._limits.check_length(report.seconds, report.rows)
            with self._watch.paused():
                yield block
        if not report.samples:
            if report.damaged_packets or report.truncated:
                raise AudioError(AudioErrorCode.CORRUPT_AUDIO, "The file is damaged: none of its audio can be decoded.")
            raise AudioError(AudioErrorCode.EMPTY_AUDIO, "The file holds no audio samples.")

    def extent(self) -> Extent:
        """How much is in the file, asked between two blocks. Raises AudioError, ``audio_too_long`` among it."""
        with self._watch.working():
            if isinstance(self._contents, RawSamples):
                found = self._contents.extent
            else:
                longest = self._limits.max_seconds
                found = extent_of(self._contents, self._listening.track, longest, self._watch.check)
        rows = found.channels if self._listening.split else 1
        self._limits.check_length(found.seconds - TRUNCATION_TOLERANCE, rows)
        return found


class _Reader:
    """Reads a file's recordings one after the other as the caller chose."""

    def __init__(
        self, listening: Listening, report: DecodeReport, check: Callable[[], None], limits: DecodeLimits
    ) -> None:
        self._listening, self._report, self._check, self._limits = listening, report, check, limits
        self._timeline = Timeline(report)
        self._refusal: AudioError | None = None

    def pieces(self, contents: JoinedFile | RawSamples) -> Iterator[Piece]:
        """Of all recordings. Raises what was wrong with the first where none of them can be read."""
        return self._samples(contents) if isinstance(contents, RawSamples) else self._recordings(contents)

    def _samples(self, samples: RawSamples) -> Iterator[Piece]:
        self._report.container, self._report.codec = "raw", samples.encoding.value
        self._report.source_rate, self._report.channels = samples.raw.rate, samples.raw.channels
        return (Piece(samples.raw.rate, channels) for channels in samples.pieces(self._check))

    def _recordings(self, recordings: JoinedFile) -> Iterator[Piece]:
        for part in recordings:
            try:
                yield from self._part(part)
            except AudioError as error:
                if error.code in _FOR_ALL:
                    raise
                self._refusal = self._refusal or error
                self._report.unread_parts += 1
            self._report.unread_bytes += part.behind
            self._report.more_parts |= part.more
        if self._refusal is not None and not self._report.parts:
            raise self._refusal

    def _part(self, part: Part) -> Iterator[Piece]:
        track = self._listening.track if self._listening.track is not None else self._likeliest(part)
        with open_audio(part, self._check, track) as audio:
            self._introduce(audio)
            # A header is not believed where it promises less; one that promises too much saves the work.
            rows = audio.stream.codec_context.channels if self._listening.split else 1
            self._limits.check_length(promised_seconds(audio) - TRUNCATION_TOLERANCE, rows)
            began = self._timeline.played
            start = None if self._listening.from_first_sample else clock_start(audio.container)
            yield from self._timeline.pieces(decode_frames(audio, self._report, self._check), start)
            if self._report.parts == 1:
                self._report.tracks = len(audio.container.streams.audio)  # some come up late
            heard = self._timeline.played - began
            self._report.truncated |= part.cut_short or promised_seconds(audio) > heard + TRUNCATION_TOLERANCE

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


class Watch:
    """Ends a decode that works for too long."""

    def __init__(self, work_seconds: float) -> None:
        self._deadline = time.monotonic() + work_seconds
        self._paused = 0.0

    def check(self) -> None:
        if time.monotonic() > self._deadline:
            raise AudioError(AudioErrorCode.DECODE_TIMEOUT, "Decoding the audio took too long.")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time inside is not work, but for what is done in `working`."""
        self._paused = time.monotonic()
        yield
        self._resume()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Inside of `paused`: the time inside is work."""
        self._resume()
        try:
            yield
        finally:
            self._paused = time.monotonic()

    def _resume(self) -> None:
        self._deadline += time.monotonic() - self._paused


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
