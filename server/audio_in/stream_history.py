"""What was sent of a live stream, for a decoder that has to begin again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

MAX_BYTES: Final = 8 << 20
"""Half an hour of what browsers record of speech. All live sessions of a server may have that much in memory."""
_AT_ONCE: Final = 1 << 16
_PIECE_BYTES: Final = 64
"""What a piece takes in memory beside its content."""


class StreamHistory:
    """The pieces of a stream from its first on, up to a bound; beyond it nothing is kept.

    Args:
        packets: each piece is a packet and comes out as it went in; else they are bytes that may be cut anywhere.

    Attributes:
        whole: all that was sent is here.
    """

    def __init__(self, *, packets: bool) -> None:
        self.whole = True
        self._packets = packets
        self._pieces: list[bytes] = []
        self._room = MAX_BYTES

    def keep(self, piece: bytes) -> None:
        """Another piece was sent."""
        self._room -= len(piece) + _PIECE_BYTES
        if self._room < 0:
            self.whole = False
            self._pieces = []
        else:
            self._pieces.append(piece)

    def pieces(self) -> Iterator[bytes]:
        """All of them, in order."""
        if self._packets:
            yield from self._pieces
            return
        held = bytearray()
        for piece in self._pieces:
            held += piece
            if len(held) >= _AT_ONCE:
                yield bytes(held)
                held = bytearray()
        if held:
            yield bytes(held)
