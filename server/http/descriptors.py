"""Files that the process has open for those who decode."""

from __future__ import annotations

DECODER_DESCRIPTORS = 16
"""That the server has open for each process that decodes."""
_OTHER_DESCRIPTORS = 48


def most_decoders(descriptors: int, wanted: int) -> int:
    """How many processes may decode where so many files may be open, of which most are for those who wait."""
    return max(1, min(wanted, (descriptors - _OTHER_DESCRIPTORS) // (2 * DECODER_DESCRIPTORS)))
