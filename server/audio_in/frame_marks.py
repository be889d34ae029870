"""Files that begin with no signature but are told by marks that repeat: MPEG audio, AAC in ADTS, transport streams.

Where one mark stands, the next one has to stand at the place that the first one says. Two of them, of about 20 bits
each, do not come about in samples.
"""

from __future__ import annotations

LONGEST = 8_192 + 7
"""Bytes that tell: an ADTS frame is no longer, and its header follows."""

_PACKET = 188
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""By the version's two bits: MPEG 1, 2, 2.5; ISO/IEC 11172-3, 2.4.2.3."""
_LAYERS = {3: 1, 2: 2, 1: 3}
_BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Kilobits a second, by whether it is MPEG 1 and by the layer."""


def may_begin_with_marks(head: bytes) -> bool:
    """Whether it takes more than these first bytes to tell."""
    return head[:1] in (b"\xff", b"\x47")


def begins_with_marks(head: bytes) -> bool:
    """Whether ``head``, the first `LONGEST` bytes or all there are, begins with marks that repeat."""
    if head[:1] == b"\x47":
        return len(head) > 2 * _PACKET and head[_PACKET] == head[2 * _PACKET] == 0x47
    length = _frame_length(head)
    return length > 0 and head[length : length + 1] == b"\xff" and _frame_length(head[length:]) > 0


def _frame_length(head: bytes) -> int:
    """Bytes of the frame that begins with ``head``; 0 where none does."""
    if len(head) < 7 or head[0] != 0xFF or head[1] < 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:  # ADTS; ISO/IEC 13818-7, 6.2
        return ((head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5) if head[1] >= 0xF0 and head[2] >> 2 & 15 < 13 else 0
    bit_rate, rate = head[2] >> 4, head[2] >> 2 & 3
    if version not in _RATES or not 0 < bit_rate < 15 or rate == 3:
        return 0
    bits = 1_000 * _BIT_RATES[version == 3, _LAYERS[layer]][bit_rate - 1]
    hertz, padding = _RATES[version][rate], head[2] >> 1 & 1
    if _LAYERS[layer] == 1:
        return 4 * (12 * bits // hertz + padding)
    samples = 576 if _LAYERS[layer] == 3 and version != 3 else 1_152
    return samples // 8 * bits // hertz + padding
