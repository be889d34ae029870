"""What a file turns out to hold: recordings in containers, one or several that were joined, or samples without one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import SEEK_END
from typing import BinaryIO

from server.audio_in.big_endian import in_known_order
from server.audio_in.cut_beginnings import with_beginning
from server.audio_in.encodings import CodedEncoding, PcmEncoding
from server.audio_in.joined import JoinedFile
from server.audio_in.listening import Listening, RawAudio
from server.audio_in.pcm import Channels
from server.audio_in.pcm_bytes import PcmBytes
from server.audio_in.raw import as_container, is_raw, pcm_pieces
from server.audio_in.report import Extent


@dataclass(frozen=True, slots=True)
class RawSamples:
    """A file of samples and nothing else, as the caller says that they are. Its place is where they are read."""

    file: BinaryIO
    raw: RawAudio
    encoding: PcmEncoding

    def pieces(self, check: Callable[[], None]) -> Iterator[Channels]:
        """See `pcm_pieces`."""
        return pcm_pieces(self.file, self.raw, self.encoding, check)

    @property
    def extent(self) -> Extent:
        """How much they are."""
        place = self.file.tell()
        size = self.file.seek(0, SEEK_END)
        self.file.seek(place)
        frames = size / PcmBytes(self.encoding, self.raw.channels).frame_bytes
        return Extent(frames / self.raw.rate, self.raw.channels)


def contents_of(file: BinaryIO, listening: Listening, check: Callable[[], None]) -> JoinedFile | RawSamples:
    """Of ``file`` (seekable, and nobody else's). ``check`` is called before every long read.

    Raises AudioError where it cannot be what ``listening`` says it is.
    """
    raw = listening.raw
    if raw is None or not is_raw(file):
        return JoinedFile(in_known_order(with_beginning(file)), check)
    if isinstance(raw.encoding, CodedEncoding):
        return JoinedFile(as_container(file, raw.encoding), check)
    return RawSamples(file, raw, raw.encoding)
