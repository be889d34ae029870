"""WebM and Matroska files that lack their first bytes, read all the same.

Recorders in browsers hand out a file in pieces, and programs that keep them lose the very first bytes now and then. Up
to where the tracks are described nothing is in them that cannot be put there again.
"""

from __future__ import annotations

from io import SEEK_END

from server.audio_in.formats import format_of
from server.audio_in.spliced import Readable, Spliced

_SEARCHED = 4_096
"""Bytes. What is described first takes some hundred."""
_SEGMENT = b"\x18\x53\x80\x67"
_INFO, _TRACKS, _CLUSTER = b"\x15\x49\xa9\x66", b"\x16\x54\xae\x6b", b"\x1f\x43\xb6\x75"
_HEADER = (
    b"\x1a\x45\xdf\xa3\x9f"
    b"\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08\x42\x82\x84webm\x42\x87\x81\x04\x42\x85\x81\x02"
)
"""RFC 8794, 11.2: 31 bytes that say that WebM follows."""
_OF_ANY_LENGTH = b"\x01" + b"\xff" * 7


def with_beginning(file: Readable) -> Readable:
    """``file``, with what its beginning lacks in front of it where it is a Matroska file without one."""
    file.seek(0)
    head = file.read(_SEARCHED)
    size = file.seek(0, SEEK_END)
    file.seek(0)
    if format_of(head) is not None or _TRACKS not in head.partition(_CLUSTER)[0]:
        return file
    if (segment := head.find(_SEGMENT)) >= 0:
        return Spliced(file, [_HEADER, range(segment, size)])
    described = min(at for mark in (_INFO, _TRACKS) if (at := head.find(mark)) >= 0)
    return Spliced(file, [_HEADER + _SEGMENT + _OF_ANY_LENGTH, range(described, size)])
