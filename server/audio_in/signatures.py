"""Where in a file a container begins: what is looked for behind the end of another one.

Each signature is long enough never to be met in compressed sound, or is followed by what confirms it.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

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
_BY_BEGINNING = {
    beginning: tuple(signature for signature in _SIGNATURES if signature.mark.startswith(beginning))
    for beginning in {signature.mark[:2] for signature in _SIGNATURES}
}
_BEGIN, _GO_ON = (
    np.isin(np.arange(1 << 16), [int.from_bytes(signature.mark[at : at + 2], "little") for signature in _SIGNATURES])
    for at in (0, 1)
)
"""Of two bytes, the low one first: whether some mark begins with them, and whether one has them behind its first."""
_EITHER = _BEGIN | _GO_ON


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


class StartSearch:
    """Looks for the first place at or behind ``start`` where a container begins whose kind is not to be ignored.

    ``check`` is called before every read. An ID3 tag counts where sound in frames or another container follows it.

    Attributes:
        found: that place; -1 for none, None as long as it is not known.
    """

    def __init__(
        self, file: Readable, start: int, check: Callable[[], None], ignore: frozenset[str] = frozenset()
    ) -> None:
        self.found: int | None = None
        self._file, self._at, self._check, self._ignore = file, start, check, ignore
        self._size, self._largest = _AT_ONCE

    def reach(self, place: int) -> None:
        """Look as far as it takes to know whether it is in front of ``place``."""
        while self.found is None and self._at < place:
            self._step()

    def finish(self) -> int:
        """Look as far as it takes to know it."""
        while self.found is None:
            self._step()
        return self.found

    def _step(self) -> None:
        self._check()
        self._file.seek(self._at)
        data = self._file.read(self._size + _LONGEST)
        at, size = self._at, self._size
        places = [
            place
            for kind, place in _places(data)
            if kind not in self._ignore and _is_start(self._file, kind, at + place)
        ]
        if places:
            self.found = at + min(places)
        elif len(data) <= size:
            self.found = -1
        self._at, self._size = at + size, min(2 * size, self._largest)


def next_start(file: Readable, start: int, check: Callable[[], None], *, ignore: frozenset[str] = frozenset()) -> int:
    """What a `StartSearch` finds."""
    return StartSearch(file, start, check, ignore).finish()


def _places(data: bytes) -> list[tuple[str, int]]:
    """The first place of each signature in ``data``, but for ID3 all places: it is short."""
    places = []
    left = {beginning: list(signatures) for beginning, signatures in _BY_BEGINNING.items()}
    for at in _beginnings(data):
        signatures = left.get(data[at : at + 2], [])
        for signature in tuple(signatures):
            place = at - signature.at
            marked = place >= 0 and data.startswith(signature.mark, at)
            if marked and signature.confirms(data[place : place + _LONGEST]):
                places.append((signature.kind, place))
                if signature.kind != "id3":
                    signatures.remove(signature)
    return places


def _beginnings(data: bytes) -> list[int]:
    """Where the first three bytes of some mark may stand, in order. To look for one mark after the other takes longer.

    Of those three bytes two are a pair that begins at an even place, so that half of all pairs are looked at.
    """
    even = np.frombuffer(data, "<u2", count=len(data) // 2)
    odd = np.frombuffer(data, "<u2", count=max(0, len(data) - 1) // 2, offset=min(1, len(data)))
    hits = np.flatnonzero(np.take(_EITHER, even, mode="clip"))  # any other mode looks for errors that cannot be
    first = hits[: np.searchsorted(hits, odd.size)]
    first = first[_BEGIN[even[first]] & _GO_ON[odd[first]]]
    second = hits[np.searchsorted(hits, 1) :]
    second = second[_GO_ON[even[second]] & _BEGIN[odd[second - 1]]]
    places: list[int] = np.sort(np.concatenate([2 * first, 2 * second - 1])).tolist()
    return places


def _is_start(file: Readable, kind: str, at: int) -> bool:
    if kind != "id3":
        return True
    file.seek(at)
    file.seek(at + id3_length(file.read(10)))
    behind = file.read(_LONGEST)
    mpeg_frame = behind[:1] == b"\xff" and behind[1:2] >= b"\xe0" and behind[1] & 6
    return bool(mpeg_frame or kind_of(behind) == "flac") if behind else False
