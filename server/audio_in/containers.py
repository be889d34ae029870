"""Opening what was uploaded with FFmpeg, and as little of FFmpeg as possible.

FFmpeg can open far more than audio: playlists that name other files, network protocols, video decoders with a record
of memory errors. Here it reads one file object and nothing else, through listed demuxers and listed audio decoders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.formats import DECODERS, DEMUXERS, HEAD_BYTES, is_no_recording, unreadable
from server.audio_in.joined import Part
from server.audio_in.spliced import Readable
from server.audio_in.tracks import by_preference, select

_OPTIONS = {"format_whitelist": ",".join(DEMUXERS), "codec_whitelist": ",".join(DECODERS)}
_LIVE_OPTIONS = {"formatprobesize": "131072", "probesize": "32768", "analyzeduration": "500000"}
"""FFmpeg should know enough of a live stream after so many bytes and microseconds; by default it takes megabytes."""
_WAV_OPTIONS = {"max_probe_packets": "1", "max_size": "16384"}
"""FFmpeg looks for DTS in 16-bit PCM, by default for 2500 packets, which takes longer than decoding the file; and with
its packets of 4 kB most of the rest would go into passing them on."""
_BUFFER = 1 << 17
"""Bytes of one read: larger than FFmpeg's 32 kB, because every read takes the interpreter's lock."""


class LiveSource:
    """Bytes that come piece by piece, as FFmpeg sees them: without seeking.

    ``more`` waits for the next piece and returns it; an empty one is the end.

    Attributes:
        head: the first bytes, as many as tell what it is.
        ended: the end has come.
    """

    def __init__(self, more: Callable[[], bytes]) -> None:
        self.head = b""
        self.ended = False
        self._more = more
        self._piece = memoryview(b"")

    def read(self, size: int) -> bytes:
        if not self._piece and not self.ended:
            self._piece = memoryview(self._more())
            self.ended = not self._piece
            self.head += self._piece[: HEAD_BYTES - len(self.head)]
        taken, self._piece = self._piece[:size], self._piece[size:]
        return bytes(taken)


class Source:
    """A file object as FFmpeg sees it: no name (FFmpeg would trust its extension), and a check before every read."""

    def __init__(self, file: Readable, check: Callable[[], None]) -> None:
        self._file = file
        self._check = check

    def read(self, size: int) -> bytes:
        self._check()
        return self._file.read(size)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


@dataclass(frozen=True, slots=True)
class AudioFile:
    """An opened container and one of its audio tracks, ready to be demuxed.

    Attributes:
        tracks: how many audio tracks the container has.
        track: the number of this one, counted from 1.
    """

    container: InputContainer
    stream: AudioStream
    tracks: int
    track: int


@contextmanager
def open_audio(part: Part, check: Callable[[], None], track: int | None = None) -> Iterator[AudioFile]:
    """Open what is in ``part``. ``check`` is called before every read; raising ends everything.

    Args:
        track: which audio track, counted from 1; None for the likeliest.

    Raises:
        AudioError: ``empty_audio``, ``unsupported_format``, ``corrupt_audio``, ``no_audio_stream``, ``no_such_track``.
    """
    if not part.head:
        raise AudioError(AudioErrorCode.EMPTY_AUDIO, "The file is empty.")
    options = _OPTIONS | (_WAV_OPTIONS if _is_wav(part.head) else {})
    with _open(Source(part.opened(), check), options, lambda: part.head[:HEAD_BYTES]) as container:
        yield _select(container, track)


@contextmanager
def open_live(source: LiveSource) -> Iterator[AudioFile]:
    """Open a container that is still being written. What needs its end to be read (most MP4 files) cannot be.

    Raises:
        AudioError: ``unsupported_format``, ``corrupt_audio`` or ``no_audio_stream``.
    """
    with _open(source, _OPTIONS | _LIVE_OPTIONS, lambda: source.head) as container:
        if source.head.startswith(b"RIFX"):  # see `server.audio_in.big_endian`
            message = "A WAV file of big-endian samples (RIFX) can be read as a whole, but not live."
            raise AudioError(AudioErrorCode.UNSUPPORTED_FORMAT, message)
        yield _select(container, None)


def _select(container: InputContainer, track: int | None) -> AudioFile:
    number = track if track is not None else by_preference(container)[0]
    return AudioFile(container, select(container, number), len(container.streams.audio), number)


def _open(source: Source | LiveSource, options: dict[str, str], head: Callable[[], bytes]) -> InputContainer:
    try:
        opened = av.open(source, "r", options=options, metadata_errors="replace", io_open=_refuse, buffer_size=_BUFFER)
    except (av.FFmpegError, ValueError) as error:
        raise unreadable(head()) from error
    if is_no_recording(head()):
        opened.close()
        raise unreadable(head())
    return opened


def _is_wav(head: bytes) -> bool:
    return head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE"


def _refuse(*_: object) -> NoReturn:
    """Stands where FFmpeg would open what a file refers to."""
    raise AudioError(AudioErrorCode.UNSUPPORTED_FORMAT, "The file refers to other files; send the audio itself.")
