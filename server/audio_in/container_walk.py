"""Where in a file a container ends: by its own lengths, or where the next one begins."""

from __future__ import annotations

import re
from collections.abc import Callable

from server.audio_in.chunks import ChunkWalk
from server.audio_in.formats import format_of
from server.audio_in.signatures import StartSearch, id3_length, kind_of, next_start
from server.audio_in.spliced import Readable
from server.audio_in.transport_stream import change_of_streams, is_transport_stream

_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})
"""What an MP4 or MOV file may begin with."""
_LONGEST_INDEX = 1 << 26
"""Bytes."""
_STREAMED = (1 << 64) - 1


class ContainerWalk:
    """Finds where the container that begins at ``start`` in ``file`` (of ``size`` bytes) ends.

    ``check`` is called before every long read.

    Attributes:
        head: its first bytes.
        stretches: where what is to be read lies, unless it is all up to the end; known once that is.
        cut_short: its header promises more than there is; likewise.
    """

    def __init__(self, file: Readable, start: int, size: int, check: Callable[[], None]) -> None:
        self._file, self._start, self._size, self._check = file, start, size, check
        self.head = self._peek(start, 128)
        self.stretches: list[range | bytes] | None = None
        self.cut_short = False
        self._layouts: list[int] = []
        self._changes = False
        self._search: StartSearch | None = None

    def search(self) -> StartSearch | None:
        """The search for what ends it, where that can be read meanwhile: FLAC, which FFmpeg reads from front to back.

        None for all others: their readers look at their ends first, or it is their lengths that tell the end.
        """
        if self._search is None and self._behind_tag()[0] == "flac":
            self._search = StartSearch(self._file, self._behind_header(kind_of(self.head)), self._check)
        return self._search

    def end(self) -> int:
        """Where the container ends, as far as that is known; the file's end where nothing follows it."""
        kind = "mp4" if self.head[4:8] in _BOXES else kind_of(self.head)
        if (form := format_of(self.head)) is not None and form.keeps_header:
            return self._size
        if kind in ("riff", "aiff") and self.head[8:12] != b"AVI ":
            return self._chunks()
        walks = {"mp4": self._boxes, "caf": self._caf, "matroska": self._segment, "riff": self._avi, "w64": self._w64}
        end = walks[kind]() if kind in walks else None
        end = end if end is not None and self._start < end <= self._size else self._next_signature(kind)
        if self._layouts:
            self.stretches = self._without_layouts(end)
        return end

    def following(self, end: int) -> int:
        """Where the next recording begins that stands behind ``end``; -1 for none."""
        if end >= self._size:
            return -1
        at_once = self._changes or kind_of(self._peek(end, 128)) not in ("", "id3")
        return end if at_once else next_start(self._file, end, self._check)

    def _chunks(self) -> int:
        found = ChunkWalk(self._file, self._start, self._size, self._check).walk()
        self.cut_short = found.cut_short
        if not found.plain:
            self.stretches = found.stretches(self._start)
        return found.end

    def _boxes(self) -> int:
        """MP4: boxes up to the next ``ftyp`` or to what is none. ISO/IEC 14496-12, 4.2."""
        at = last = self._start
        while at < self._size:
            self._check()
            head = self._peek(at, 16)
            length = int.from_bytes(head[:4])
            if length == 1:
                length = int.from_bytes(head[8:16])
            elif length == 0:
                length = self._size - at
            other = at > self._start and kind_of(self._peek(at, 128))
            if other or len(head) < 8:
                return at
            if length < 8 or not all(0x20 <= code < 0x7F or code == 0xA9 for code in head[4:8]):
                return self._inside(last, at)
            if head[4:8] == b"moov":
                self._find_layouts(at, min(length, _LONGEST_INDEX))
            last, at = at, at + length
        return self._inside(last, self._size) if at > self._size else at

    def _inside(self, last: int, end: int) -> int:
        """Something was cut off in the box that begins at ``last``: the next file may stand in it, else ``end``."""
        nearest = next_start(self._file, last + 8, self._check)
        return min(nearest, end) if nearest >= 0 else end

    def _caf(self) -> int | None:
        """Chunks of 12 bytes and their length; that of the samples may be -1. Apple's "Core Audio Format"."""
        at = self._start + 8
        while at < self._size:
            self._check()
            head = self._peek(at, 12)
            length = int.from_bytes(head[4:12])
            if head[:4] == b"data" and length == _STREAMED:
                return None
            if kind_of(self._peek(at, 128)) or not all(0x20 <= code < 0x7F for code in head[:4]):
                return at
            if head[:4] == b"chan":
                self._layouts.append(at)
            at += 12 + length
        return self._size

    def _find_layouts(self, start: int, length: int) -> None:
        """Boxes in an MP4's index that say in which order channels are. Each begins with its length and a version."""
        index = self._peek(start, length)
        for box in re.finditer(rb"\0\0[\0-\x07].(chan|chnl)[\0\1]\0\0\0", index, re.DOTALL):
            self._layouts.append(start + box.start(1))

    def _without_layouts(self, end: int) -> list[range | bytes]:
        """What orders channels, passed over: an unusual order makes PyAV 17.1 to 18.1 free memory twice."""
        stretches: list[range | bytes] = []
        at = self._start
        for name in self._layouts:
            stretches += [range(at, name), b"free"]
            at = name + 4
        return [*stretches, range(at, end)]

    def _segment(self) -> int | None:
        """Matroska: an EBML header and a Segment, which tells its length unless it was streamed. RFC 8794, RFC 9559."""
        at = self._start
        for _ in range(2):
            head = self._peek(at, 12)
            width = 9 - head[4].bit_length() if head[4:5] and head[4] else 0
            length = int.from_bytes(head[4 : 4 + width]) & ((1 << 7 * width) - 1)
            if not width or length == (1 << 7 * width) - 1:
                return None
            at += 4 + width + length
        return at

    def _avi(self) -> int:
        """AVI, which goes on in further RIFFs of another kind when it is long."""
        at = self._start
        while True:
            self._check()
            at += 8 + int.from_bytes(self._peek(at + 4, 4), "little")
            at += at & 1
            if self._peek(at, 12)[8:12] != b"AVIX":
                return at

    def _w64(self) -> int:
        """Chunks of a GUID and a length, which counts both; 0 where the recorder never mended it. Sony's "Wave64"."""
        at = self._start + 40
        while len(head := self._peek(at, 24)) == 24 and head[:4] != b"data":
            self._check()
            at += -(-max(24, int.from_bytes(head[16:], "little")) // 8) * 8
        if len(head) < 24 or int.from_bytes(head[16:], "little") > 24:
            return self._start + int.from_bytes(self.head[16:24], "little")
        end = max(self._next_signature("w64"), at + 24)  # what may look like one inside of a damaged chunk is none
        total, samples = ((end - begin).to_bytes(8, "little") for begin in (self._start, at))
        guids = range(self._start, self._start + 16), range(self._start + 24, at + 16)
        self.stretches = [guids[0], total, guids[1], samples, range(at + 24, end)]
        return end

    def _next_signature(self, kind: str) -> int:
        if not kind and is_transport_stream(self._peek(self._start, 400)):
            change = change_of_streams(self._file, self._start, self._check)
            self._changes = change >= 0
            return change if self._changes else self._size
        if (search := self.search()) is not None:
            nearest = search.finish()
        else:
            ignore = frozenset({"flac"} if kind == "matroska" else ())  # its own header holds one
            nearest = next_start(self._file, self._behind_header(kind), self._check, ignore=ignore)
        return nearest if nearest >= 0 else self._size

    def _behind_tag(self) -> tuple[str, int]:
        """The container's kind, and where it begins: an ID3 tag may stand in front of FLAC."""
        kind, at = kind_of(self.head), self._start
        if kind == "id3":
            at += id3_length(self.head)
            kind = "flac" if kind_of(self._peek(at, 128)) == "flac" else kind
        return kind, at

    def _behind_header(self, kind: str) -> int:
        """Where the next signature may stand: pictures in a header may look like anything."""
        at = self._start + 4
        if kind in ("id3", "flac"):
            kind, at = self._behind_tag()
        if kind == "flac":
            at += 4
            last = False
            while not last and (block := self._peek(at, 4)):
                self._check()
                last = bool(block[0] & 0x80)
                at += 4 + int.from_bytes(block[1:4])
        elif kind == "ogg":
            while self._peek(at - 4, 6) == b"OggS\x00\x02":  # all streams of a link begin before any of them goes on
                table = self._peek(at + 22, 256)
                at += 23 + table[0] + sum(table[1 : 1 + table[0]]) if table else 4
        return min(at, self._size)

    def _peek(self, at: int, length: int) -> bytes:
        if at >= self._size:  # a damaged length, perhaps more than a file can have
            return b""
        self._file.seek(at)
        return self._file.read(length)
