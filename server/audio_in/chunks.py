"""WAV and AIFF: where their samples lie, whatever the sizes in the header say.

Recorders write the header first and mend its sizes when they stop, or never; some write another ``data`` chunk after
every pause; and FFmpeg reads the first chunk alone. The rules of RIFF are those of Microsoft's "Multimedia Programming
Interface and Data Specifications 1.0", of RF64 EBU Tech 3306, of AIFF Apple's "Audio Interchange File Format 1.3".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from server.audio_in.signatures import kind_of, next_start
from server.audio_in.spliced import Readable

_STREAMED = 0x7FFF_0000
"""Sizes from here on are what recorders write that do not know the size: about 2**31, or 2**32 - 1."""
_ENDLESS = b"\x7f\xff\xff\xff"
_LONGEST_HEADER = 1 << 20
_LEAST_BEHIND = 64
"""Bytes behind the last chunk that may be samples; fewer are padding."""
_USUAL = frozenset({b"LIST", b"id3 ", b"ID3 ", b"JUNK", b"bext", b"cue ", b"fact", b"iXML", b"_PMX", b"smpl", b"ANNO"})
"""Chunks that are recognised even where the file ends inside them."""
_TOLERANCE = 0.5
"""Seconds that a header may promise beyond what is there."""


@dataclass(slots=True)
class ChunkLayout:
    """What was found in one file of chunks.

    Attributes:
        end: where it ends.
        samples: the stretches that hold samples, in order. ``plain``: they are what the header says.
        cut_short: the header promises notably more samples than there are.
    """

    end: int
    header: bytes = b""
    samples: list[range] = field(default_factory=list)
    plain: bool = True
    cut_short: bool = False

    def stretches(self, start: int) -> list[range | bytes]:
        """What is to be read as one file; a header without sizes stands before samples in several places."""
        if self.plain:
            return [range(start, self.end)]
        return [self.header, *self.samples]


class ChunkWalk:
    """Walks through the chunks of the file that begins at ``start`` in ``file``, which has ``size`` bytes."""

    def __init__(self, file: Readable, start: int, size: int, check: Callable[[], None]) -> None:
        self._file, self._start, self._size, self._check = file, start, size, check
        self._found = ChunkLayout(size)
        head = self._peek(start, 12)
        self._endless = head.startswith(b"RIFF")  # only then FFmpeg takes a length of 0 for all the rest
        if head[:4] == b"FORM" and not 0 < int.from_bytes(head[4:8]) < _STREAMED:
            self._found.plain = False
        self._order: Literal["big", "little"] = "big" if head.startswith(b"FORM") else "little"
        self._data = b"SSND" if head.startswith(b"FORM") else b"data"
        self._own_head = 8 if head.startswith(b"FORM") else 0  # SSND begins with an offset and a block size
        self._long_size = 0
        self._bytes_per_second = 0

    def walk(self) -> ChunkLayout:
        """What was found. Without any samples the file is left to FFmpeg as it is."""
        at: int | None = self._start + 12
        while at is not None:
            self._check()
            at = self._chunk(at)
        return self._found

    def _chunk(self, at: int) -> int | None:
        """Look at what begins ``at``; where the next chunk begins, None at the file's end."""
        head = self._peek(at, 8)
        if len(head) < 8 or kind_of(self._peek(at, 128)):
            self._found.end = at if len(head) == 8 else self._size
            return None
        name, length = head[:4], self._number(head[4:])
        if name == self._data:
            return self._samples(at, length)
        if not self._is_chunk(at):
            self._behind(at)
            return None
        if name == b"ds64":
            self._long_size = int.from_bytes(self._peek(at + 16, 8), "little")
        elif name == b"fmt ":
            self._bytes_per_second = int.from_bytes(self._peek(at + 16, 4), "little")
        elif name == b"LIST" and self._peek(at + 8, 4) == b"wavl":
            self._take_header(at)
            self._found.plain = False
            return at + 12  # its chunks one by one
        return self._next(at, length)

    def _samples(self, at: int, length: int) -> int | None:
        """A chunk of samples."""
        begin, end = at + 8 + self._own_head, at + 8 + length
        if length == 0xFFFF_FFFF and self._long_size:
            end = begin + self._long_size
        self._take_header(at)
        if (length >= _STREAMED and end > self._size) or (length == 0 and not self._continues(end)):
            self._behind(begin, streamed=True)
            return None
        missing = end - self._size
        doubtful = missing > 0 or not self._continues(end)
        following = next_start(self._file, begin, self._check) if doubtful else -1
        if 0 <= following < end:  # it was cut off, and another one was put behind it
            self._found.end = following
            self._found.cut_short = True
            self._add(range(begin, following))
            return None
        if self._bytes_per_second:  # AIFF tells its length elsewhere, and FFmpeg knows it
            self._found.cut_short |= missing > _TOLERANCE * self._bytes_per_second
        self._add(range(begin, min(end, self._size)))
        return None if missing > 0 else self._next(at, end - at - 8)

    def _behind(self, at: int, *, streamed: bool = False) -> None:
        """No chunk begins ``at``, so what stands there are samples, up to the next file."""
        nearest = next_start(self._file, at, self._check)
        self._found.end = nearest if nearest >= 0 else self._size
        if self._found.header and (streamed or self._found.end - at >= _LEAST_BEHIND):
            self._found.plain &= streamed and self._endless
            self._add(range(at, self._found.end))

    def _add(self, samples: range) -> None:
        if self._found.samples and samples:
            self._found.plain = False
        self._found.samples.append(samples)

    def _take_header(self, at: int) -> None:
        """The chunks before the samples, with the sizes of a file that goes on to its end."""
        if self._found.header or at - self._start > _LONGEST_HEADER:
            return
        header = self._peek(self._start, at - self._start)
        if self._data == b"data":
            self._found.header = b"RIFF" + bytes(4) + header[8:] + b"data" + bytes(4)
        else:
            self._found.header = b"FORM" + _ENDLESS + header[8:] + b"SSND" + _ENDLESS + self._peek(at + 8, 8)

    def _next(self, at: int, length: int) -> int:
        """Where the chunk behind this one begins: at an even place, but not all writers know that."""
        end = at + 8 + length
        padded = end + (length & 1)
        return end if padded != end and not self._continues(padded) and self._continues(end) else padded

    def _continues(self, at: int) -> bool:
        """A chunk, another file or the end stand there."""
        return self._size - at < 8 or self._is_chunk(at) or bool(kind_of(self._peek(at, 128)))

    def _is_chunk(self, at: int) -> bool:
        head = self._peek(at, 8)
        name = head[:4]
        fits = at + 8 + self._number(head[4:]) <= self._size + 1
        return name in _USUAL or (fits and all(0x20 <= code < 0x7F for code in name))

    def _number(self, content: bytes) -> int:
        return int.from_bytes(content, self._order)

    def _peek(self, at: int, length: int) -> bytes:
        self._file.seek(at)
        return self._file.read(length)
