"""How long a file is, asked before all of it is decoded: told by its containers, guessed by them, or counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress

import av

from server.audio_in.containers import AudioFile, open_audio
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.frames import MAX_GAP, MIN_GAP
from server.audio_in.joined import Part
from server.audio_in.report import Extent

_IN_HEADER = frozenset({"wav", "w64", "aiff", "caf", "flac", "mov"})
"""Containers that state the length of a stream. The others have it guessed from bit rates or the last page."""
_FAR = 0.5
"""Of the longest recording: a guess that says less is good enough, for it is not wrong by so much."""


def promised_seconds(audio: AudioFile) -> float:
    """The length stated in the container's header; 0 where none is or where it is a guess."""
    stream, container = audio.stream, audio.container.format.name.split(",")[0]
    if container == "aiff" and not stream.codec_context.name.startswith("pcm"):
        return 0.0  # counted in packets, which FFmpeg takes for samples
    if container in _IN_HEADER and stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return 0.0


def extent_of(recordings: Iterable[Part], track: int | None, longest: float, check: Callable[[], None]) -> Extent:
    """Of all that are joined in a file. ``track``: which is heard of each; see `open_audio`.

    What containers tell is believed, what FFmpeg guesses as long as it is far from ``longest``; elsewhere packets are
    counted, which is much less work than decoding them. What cannot be read counts as nothing.

    ``check`` is called before every read and for every packet, and may raise ``decode_timeout``.
    """
    seconds, channels = 0.0, 1
    for part in recordings:
        try:
            with open_audio(part, check, track) as audio:
                channels = max(channels, audio.stream.codec_context.channels)
                seconds += _seconds(audio, longest, check)
        except AudioError as error:
            if error.code is AudioErrorCode.DECODE_TIMEOUT:
                raise
    return Extent(seconds, channels)


def _seconds(audio: AudioFile, longest: float, check: Callable[[], None]) -> float:
    if promised := promised_seconds(audio):
        return promised
    guess = (audio.container.duration or 0) / av.time_base
    return guess if 0 < guess < _FAR * longest else _counted(audio, check)


def _counted(audio: AudioFile, check: Callable[[], None]) -> float:
    """As `Timeline` puts packets one behind the other, without what is in them."""
    played, origin = 0.0, None
    for start, length in _spans(audio):
        check()
        if start is not None:
            origin = start if origin is None else origin
            gap = start - origin - played
            if MIN_GAP < gap <= MAX_GAP:
                played += gap
            elif abs(gap) > MAX_GAP:
                origin = start - played
        played += length
    return played


def _spans(audio: AudioFile) -> Iterator[tuple[float | None, float]]:
    """When each packet begins, where that is known, and how long it lasts."""
    with suppress(av.FFmpegError, IndexError):  # it breaks off, as it does when it is decoded
        for packet in audio.container.demux(audio.stream):
            if packet.time_base is not None:
                start = None if packet.pts is None else float(packet.pts * packet.time_base)
                yield start, float((packet.duration or 0) * packet.time_base)
