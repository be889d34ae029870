"""Base64 as people write it → bytes. Everything that comes as base64, in whichever protocol, is read here."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

_PIECE: Final = 1 << 18
"""Characters that are decoded at once, a multiple of four: Python's lock is held for about half a millisecond."""
_DATA_URL: Final = re.compile(r"\s*data:[^\0]{0,512}?;\s*base64\s*,", re.IGNORECASE)
"""RFC 2397. Browsers write a recorder's type without quotes, comma and all: ``data:video/webm;codecs=vp8,opus;``."""
_WHITESPACE: Final = b" \t\n\v\f\r"
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class NotBase64(ValueError):  # noqa: N818 - it is said of the text
    """The text is no base64 in any of its forms."""


def decode_base64(text: str) -> bytes:
    """Bytes of ``text``, written in any of the usual ways.

    It may stand behind ``data:<type>;base64,`` (RFC 2397), then with percent signs too; it may be broken into lines or
    otherwise spaced; in the standard or in the URL-safe alphabet, or in both; with padding or without (RFC 4648).
    What is written the standard way is decoded in one go, 256 Ki characters at a time, between which other threads
    come in; everything else is brought into that form first.

    Raises NotBase64, also where something follows the padding: two texts that were joined would lose the second one.
    """
    if (url := _DATA_URL.match(text)) is not None:
        text = text[url.end() :]
        if "%" in text:
            text = unquote_to_bytes(text).decode("latin-1")
    try:
        return _decoded(text)
    except ValueError:
        pass
    try:
        return _decoded(_standard(text))
    except ValueError:
        raise NotBase64("This is not valid base64.") from None


def _decoded(text: str) -> bytes:
    """Raises ValueError unless ``text`` is written the standard way."""
    if len(text) <= _PIECE:
        return a2b_base64(text, strict_mode=True)
    pieces: list[bytes] = []
    for piece in _pieces(text):
        if pieces and len(pieces[-1]) != _PIECE // 4 * 3:
            raise ValueError("A piece was padded, and more comes.")
        pieces.append(a2b_base64(piece, strict_mode=True))
    return b"".join(pieces)


def _standard(text: str) -> str:
    """Without whitespace, in the standard alphabet, padded. Raises ValueError where it is not ASCII."""
    pieces = (piece.encode("ascii").translate(_STANDARD, _WHITESPACE) for piece in _pieces(text))
    plain = b"".join(pieces).rstrip(b"=").decode("ascii")
    return plain + "=" * (-len(plain) % 4)


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
