"""Parts whose content is written as a mail's would be (RFC 2045 6), decoded as they come."""

from __future__ import annotations

from binascii import a2b_qp
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from server.http.forms.errors import InvalidForm
from server.protocols.base64_text import Base64Decoder, NotBase64

_ESCAPE = 3
"""Bytes of ``=3D``, and of a line's end that is taken back: ``=`` and CR LF."""


class Decoder(Protocol):
    """Decodes the content of one part."""

    def feed(self, data: bytes) -> bytes:
        """What these bytes complete. Raises InvalidForm."""

    def finish(self) -> bytes:
        """The rest. Raises InvalidForm."""


def decoder_of(encoding: str | None) -> Decoder:
    """For the ``encoding`` of `PartHeaders`."""
    match encoding:
        case "base64":
            return _Base64()
        case "quoted-printable":
            return _QuotedPrintable()
        case _:
            return _Plain()


class _Plain:
    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


class _Base64:
    def __init__(self) -> None:
        self._decoder = Base64Decoder()

    def feed(self, data: bytes) -> bytes:
        with _told_as_form():
            return self._decoder.feed(data)

    def finish(self) -> bytes:
        with _told_as_form():
            return self._decoder.finish()


@contextmanager
def _told_as_form() -> Iterator[None]:
    try:
        yield
    except NotBase64:
        raise InvalidForm("A part whose Content-Transfer-Encoding is base64 is not valid base64.") from None


class _QuotedPrintable:
    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        text = self._rest + data
        # An escape may go on in the next bytes.
        cut = text.rfind(b"=", max(0, len(text) - _ESCAPE + 1))
        cut = len(text) if cut < 0 else cut
        self._rest = text[cut:]
        return a2b_qp(text[:cut])

    def finish(self) -> bytes:
        return a2b_qp(self._rest)
