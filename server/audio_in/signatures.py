"""Where in a file a container begins: what is looked for behind the end of another one.

Each signature is long enough never to be met in compressed sound, or is followed by what confirms it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

from server.audio_in.spliced import Readable

_AT_ONCE = (1 << 14, 1 << 20)
"""Bytes that are searched at a time: few at first, then more and more. Joined recordings may be short."""
_LONGEST = 128
"""Bytes of the longest signature with what confirms it."""
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_W64 = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"


class _Signature(NamedTuple):
    """``mark`` stands ``at`` bytes behind the container's start; ``confirms`` is asked about what begins there."""

    kind: str
    mark: bytes
    confirms: Callable[[bytes], object] = bool
    at: int = 0


def _mp4(head: bytes) -> bool:
    size, brand = int.from_bytes(head[:4]), head[8:12]
    return 16 <= size <= 1024 and size % 4 == 0 and brand.isascii() and brand.decode().isprintable()


def _matroska(head: bytes) -> object:
    return re.search(rb"\x42\x82.{1,8}?(?:webm|matroska)", head[:64], re.DOTALL)


def _au(head: bytes) -> bool:
    if len(head) < 24:
        return False
    offset, _, encoding, rate, channels = struct.unpack(">5I", head[4:24])
    plausible = (24 <= offset <= 1024, 1 <= encoding <= 27, 4_000 <= rate <= 192_000, 1 <= channels <= 8)
    return all(plausible)


_SIGNATURES = (
    _Signature("riff", b"RIFF", lambda head: head[8:12] in (b"WAVE", b"AVI ")),
    _Signature("riff", b"RF64", lambda head: head[8:12] == b"WAVE"),
    _Signature("riff", b"BW64", lambda head: head[8:12] == b"WAVE"),
    _Signature("aiff", b"FORM", lambda head: head[8:12] in (b"AIFF", b"AIFC")),
    _Signature("w64", _W64),
    _Signature("caf", b"caff\x00\x01\x00\x00"),
    _Signature("au", b".snd", _au),
    _Signature("flac", b"fLaC\x00\x00\x00\x22"),
    _Signature("ogg", b"OggS\x00\x02" + bytes(8)),
    _Signature("mp4", b"ftyp", _mp4, at=4),
    _Signature("matroska", b"\x1a\x45\xdf\xa3", _matroska),
    _Signature("asf", _ASF),
    _Signature("flv", b"FLV\x01", lambda head: head[4:9] in (b"\x01\0\0\0\x09", b"\x04\0\0\0\x09", b"\x05\0\0\0\x09")),
    _Signature("amr", b"#!AMR\n"),
    _Signature("amr", b"#!AMR-WB\n"),
    _Signature("id3", b"ID3", lambda head: re.match(rb"ID3[\x02-\x04]\0[\0-\xf0][\0-\x7f]{4}", head, re.DOTALL)),
)


def kind_of(head: bytes) -> str:
    """The container that begins with ``head``; empty when it has no signature."""
    for signature in _SIGNATURES:
        if head[signature.at :].startswith(signature.mark) and signature.confirms(head):
            return signature.kind
    return ""


def id3_length(head: bytes) -> int:
    """Bytes of an ID3v2 tag that begins with ``head``, its own header included."""
    a, b, c, d = head[6:10]
    return 10 + (a << 21 | b << 14 | c << 7 | d)


def next_start(file: Readable, start: int, check: Callable[[], None], *, ignore: frozenset[str] = frozenset()) -> int:
    """The first place at or behind ``start`` where a container begins whose kind is not to be ignored; -1 for none.

    ``check`` is called before every read. An ID3 tag counts where sound in frames or another container follows it.
    """
    at, (size, largest) = start, _AT_ONCE
    while True:
        check()
        file.seek(at)
        data = file.read(size + _LONGEST)
        found = [place for kind, place in _places(data) if kind not in ignore and _is_start(file, kind, at + place)]
        if found:
            return at + min(found)
        if len(data) <= size:
            return -1
        at, size = at + size, min(2 * size, largest)


def _places(data: bytes) -> list[tuple[str, int]]:
    """The first place of each signature in ``data``, but for ID3 all places: it is short."""
    places = []
    for signature in _SIGNATURES:
        found = data.find(signature.mark, signature.at)
        while found >= 0:
            place = found - signature.at
            if signature.confirms(data[place : place + _LONGEST]):
                places.append((signature.kind, place))
                if signature.kind != "id3":
                    break
            found = data.find(signature.mark, found + 1)
    return places


def _is_start(file: Readable, kind: str, at: int) -> bool:
    if kind != "id3":
        return True
    file.seek(at)
    file.seek(at + id3_length(file.read(10)))
    behind = file.read(_LONGEST)
    mpeg_frame = behind[:1] == b"\xff" and behind[1:2] >= b"\xe0" and behind[1] & 6
    return bool(mpeg_frame or kind_of(behind) == "flac") if behind else False
