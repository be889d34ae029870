"""How audio without a container may be written. No library: protocols name these."""

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


class CodedEncoding(StrEnum):
    """How packets of samples are written."""

    AMR_NB = "amr-nb"
    """Each packet says its length in its first byte (RFC 4867, 5.3), as in a file without its first line."""
    AMR_WB = "amr-wb"
    """The same."""
    G729 = "g729"
    """Packets of 10 bytes."""
    OPUS = "opus"
    """Packets that do not tell their length (RFC 6716): only where they come one in a message."""
    SPEEX = "speex"
    """The same."""

    @property
    def in_messages(self) -> bool:
        """Only the borders of messages tell where a packet ends."""
        return self in (CodedEncoding.OPUS, CodedEncoding.SPEEX)


Encoding = PcmEncoding | CodedEncoding


def encoding_named(name: str) -> Encoding:
    """Raises ValueError."""
    return PcmEncoding(name) if name in set(PcmEncoding) else CodedEncoding(name)
