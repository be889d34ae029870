"""Base64 as people write it → bytes. Everything that comes as base64, in whichever protocol, is read here."""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote_to_bytes

_PIECE: Final = 1 << 18
"""Bytes that are decoded at once: Python's lock is held for about half a millisecond."""
_DATA_URL: Final = re.compile(rb"\s*data:[^\0]{0,512}?;\s*base64\s*,", re.IGNORECASE)
"""RFC 2397. Browsers write a recorder's type without quotes, comma and all: ``data:video/webm;codecs=vp8,opus;``."""
_LONGEST_START: Final = 1024
"""Bytes in which the start of such an address ends."""
_WHITESPACE: Final = b" \t\n\v\f\r"
_STANDARD: Final = bytes.maketrans(b"-_", b"+/")
_LONGEST_ESCAPE: Final = 3
_GROUP: Final = 4
"""Characters, for three bytes."""


class NotBase64(ValueError):  # noqa: N818 - it is said of the text
    """The text is no base64 in any of its forms."""


def decode_base64(text: str) -> bytes:
    """Bytes of ``text``, as `Base64Decoder` reads it: in pieces, between which other threads come in."""
    decoder = Base64Decoder()
    pieces = [decoder.feed(piece.encode("latin-1", "replace")) for piece in _pieces(text)]
    return b"".join([*pieces, decoder.finish()])


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))


class Base64Decoder:
    """Decodes a text that comes in parts, written in any of the usual ways.

    It may stand behind ``data:<type>;base64,`` (RFC 2397), then with percent signs too; it may be broken into lines or
    otherwise spaced; in the standard or in the URL-safe alphabet, or in both; with padding or without (RFC 4648).

    The methods raise NotBase64, also where something follows the padding: two texts that were joined would lose the
    second one.
    """

    def __init__(self) -> None:
        self._start: bytes | None = b""  # until it is known whether it is an address
        self._escaped = False
        self._escape = b""  # that may go on
        self._group = b""  # that is not full yet
        self._padded = False

    def feed(self, text: bytes) -> bytes:
        """The bytes that this part (ASCII) completes."""
        if self._start is not None:
            text, self._start = self._start + text, None
            if len(text) < _LONGEST_START:
                self._start = text
                return b""
            text = self._behind_start(text)
        return self._decoded(self._unescaped(text))

    def finish(self) -> bytes:
        """The rest."""
        decoded = b""
        if self._start is not None:
            decoded = self._decoded(self._unescaped(self._behind_start(self._start)))
        decoded += self._decoded(unquote_to_bytes(self._escape))
        return decoded + _standard(self._group + b"=" * (-len(self._group) % _GROUP))

    def _behind_start(self, text: bytes) -> bytes:
        url = _DATA_URL.match(text)
        self._escaped = url is not None
        return text if url is None else text[url.end() :]

    def _unescaped(self, text: bytes) -> bytes:
        if not self._escaped:
            return text
        text = self._escape + text
        cut = text.rfind(b"%", max(0, len(text) - _LONGEST_ESCAPE + 1))
        cut = len(text) if cut < 0 else cut
        self._escape = text[cut:]
        return unquote_to_bytes(text[:cut]) if b"%" in text else text[:cut]

    def _decoded(self, text: bytes) -> bytes:
        plain = text.translate(_STANDARD, _WHITESPACE)
        if self._padded or b"=" in plain:
            behind = plain if self._padded else plain[plain.index(b"=") :]
            if behind.strip(b"="):
                raise NotBase64("Something follows the padding.")
            plain, self._padded = plain[: len(plain) - len(behind)], True
        plain = self._group + plain
        whole = len(plain) // _GROUP * _GROUP
        self._group = plain[whole:]
        return _standard(plain[:whole])


def _standard(text: bytes) -> bytes:
    """``text``, which is written the standard way. Raises NotBase64."""
    try:
        return a2b_base64(text, strict_mode=True)
    except ValueError:
        raise NotBase64("This is not valid base64.") from None
