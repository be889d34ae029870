"""How raw audio may be written. No library: protocols name these."""

from __future__ import annotations

from enum import StrEnum


class PcmEncoding(StrEnum):
    """How a sample is written. Several channels are interleaved."""

    LINEAR16 = "linear16"
    """Signed 16 bit, little endian."""
    FLOAT32 = "float32"
    """IEEE float of full scale +-1, little endian."""
    MULAW = "mulaw"
    """G.711 mu-law, one byte."""
    ALAW = "alaw"
    """G.711 A-law, one byte."""
