"""Recordings without a container: nothing but samples, or packets of a codec one behind the other."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from io import SEEK_END
from typing import BinaryIO

from server.audio_in.encodings import CodedEncoding, PcmEncoding
from server.audio_in.errors import AudioError, AudioErrorCode
from server.audio_in.formats import format_of
from server.audio_in.frame_marks import LONGEST, begins_with_marks
from server.audio_in.limits import check_shape
from server.audio_in.listening import RawAudio
from server.audio_in.pcm import Channels
from server.audio_in.pcm_bytes import PcmBytes
from server.audio_in.spliced import Spliced

_AT_ONCE = 1 << 17
"""Bytes."""


_ENDLESS = 0xFFFF_FFFF
_G729_PACKET = 10


def _wav_header(tag: int, rate: int, block: int) -> bytes:
    """Of a WAV file that is still being written, of packets of ``block`` bytes."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, tag, 1, rate, rate, block, 0)
    return struct.pack("<4sI4s", b"RIFF", _ENDLESS, b"WAVE") + form + struct.pack("<4sI", b"data", _ENDLESS)


FIRST_BYTES = {
    CodedEncoding.AMR_NB: b"#!AMR\n",
    CodedEncoding.AMR_WB: b"#!AMR-WB\n",
    CodedEncoding.G729: _wav_header(0x0083, 8_000, _G729_PACKET),
}
"""What packets lack to be a file that says what it is. The caller's word takes its place."""


def is_raw(file: BinaryIO) -> bool:
    """Whether ``file`` (seekable) does not begin like a container, whatever the caller takes it for.

    Callers name the encoding of what is in a container, too, and what knows itself is not to be read as samples.
    """
    file.seek(0)
    head = file.read(LONGEST)
    file.seek(0)
    return format_of(head) is None and not begins_with_marks(head)


def as_container(file: BinaryIO, encoding: CodedEncoding) -> Spliced:
    """``file`` (seekable) as if it were a container of such packets. Raises AudioError where it cannot be."""
    if encoding not in FIRST_BYTES:
        message = f"Packets of {encoding} do not tell where they end: send them in an Ogg file."
        raise AudioError(AudioErrorCode.UNSUPPORTED_FORMAT, message)
    return Spliced(file, [FIRST_BYTES[encoding], range(file.seek(0, SEEK_END))])


def pcm_pieces(file: BinaryIO, raw: RawAudio, encoding: PcmEncoding, check: Callable[[], None]) -> Iterator[Channels]:
    """The samples of ``file``, from its start. ``check`` is called before every read.

    Raises:
        AudioError: ``unsupported_format`` for a rate or channel count out of range, ``empty_audio``.
    """
    check_shape(raw.rate, raw.channels)
    reader = PcmBytes(encoding, raw.channels)
    empty = True
    while True:
        check()
        if not (data := file.read(_AT_ONCE)):
            break
        empty = False
        yield reader.push(data)
    if empty:
        raise AudioError(AudioErrorCode.EMPTY_AUDIO, "The file is empty.")
