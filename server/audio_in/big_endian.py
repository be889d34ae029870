"""WAV files whose numbers have their first byte first (RIFX), which FFmpeg reads as if it were their last.

Shown to it as what holds the same samples and is read rightly: a file of the AU format.
"""

from __future__ import annotations

import struct
from io import SEEK_END

from server.audio_in.spliced import Readable, Spliced

_MARK = b"RIFX"
_IN_AU = {(1, 16): 3, (1, 24): 4, (1, 32): 5, (3, 32): 6, (3, 64): 7, (6, 8): 27, (7, 8): 1}
"""A WAV file's format tag and bits per sample → AU's number for the same. Bytes without a sign are read as they are."""
_EXTENSIBLE = 0xFFFE
_TO_THE_END = 0xFFFF_FFFF
_SEARCHED = 1 << 16


def in_known_order(file: Readable) -> Readable:
    """``file``, or where it is such a WAV file what is to be read in its place."""
    file.seek(0)
    head = file.read(_SEARCHED)
    size = file.seek(0, SEEK_END)
    file.seek(0)
    shape, at = None, 12
    while head.startswith(_MARK) and len(head) >= at + 8:
        kind, length = struct.unpack_from(">4sI", head, at)
        at += 8
        if kind == b"data" and shape is not None:
            header = struct.pack(">4sIIIII", b".snd", 24, _TO_THE_END, *shape)
            return Spliced(file, [header, range(at, min(at + length, size))])
        if kind == b"fmt " and len(head) >= at + length >= at + 16:
            shape = _shape(head[at : at + length])
        at += length + length % 2
    return file


def _shape(form: bytes) -> tuple[int, int, int] | None:
    """AU's number, the rate and the channels that a ``fmt`` chunk says; None where AU has no number for it."""
    tag, channels, rate, _, _, bits = struct.unpack_from(">HHIIHH", form)
    if tag == _EXTENSIBLE and len(form) >= 26:
        tag = int.from_bytes(form[24:26])
    encoding = _IN_AU.get((tag, bits))
    return None if encoding is None else (encoding, rate, channels)
