"""Requests of applications that cannot be installed for a test, byte by byte as their libraries write them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CRLF = b"\r\n"
CHUNK = 64 * 1024
"""Bytes that a library reads from a file at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form: its header lines as they are, and its content."""

    headers: tuple[str, ...]
    content: bytes


@dataclass(frozen=True, slots=True)
class Form:
    """A form with a boundary. ``content_type``: the whole header, which some libraries quote the boundary in."""

    parts: tuple[Part, ...]
    boundary: str
    content_type: str

    @property
    def body(self) -> bytes:
        lines = [
            f"--{self.boundary}\r\n".encode()
            + CRLF.join(map(str.encode, part.headers))
            + 2 * CRLF
            + part.content
            + CRLF
            for part in self.parts
        ]
        return b"".join(lines) + f"--{self.boundary}--\r\n".encode()

    def in_chunks(self) -> Iterator[bytes]:
        """The body without a length told before, as from a file that is read while it is sent."""
        body = self.body
        return (body[at : at + CHUNK] for at in range(0, len(body), CHUNK))


def _form(parts: Sequence[Part], boundary: str, *, quoted: bool = False) -> Form:
    shown = f'"{boundary}"' if quoted else boundary
    return Form(tuple(parts), boundary, f"multipart/form-data; boundary={shown}")


def aiohttp(fields: Sequence[tuple[str, str]], file: bytes, name: str) -> Form:
    """aiohttp's FormData with an asynchronous generator as the file, which has no length and no type of its own."""
    parts = [
        Part(
            ("Content-Type: text/plain; charset=utf-8", f'Content-Disposition: form-data; name="{key}"'), value.encode()
        )
        for key, value in fields
    ]
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    return _form([*parts, Part(("Content-Type: application/octet-stream", disposition), file)], "7b1c0f5e2d9a4f0a8d")


def node(fields: Sequence[tuple[str, str]], file: bytes, name: str, media_type: str, *, first: bool = False) -> Form:
    """npm's form-data. ``first``: the file stands before the other fields."""
    parts = [Part((f'Content-Disposition: form-data; name="{key}"',), value.encode()) for key, value in fields]
    disposition = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    upload = Part((disposition, f"Content-Type: {media_type}"), file)
    return _form([upload, *parts] if first else [*parts, upload], "--------------------------735323031399963166993862")


def urllib3(fields: Sequence[tuple[str, str]], file: bytes, name: str) -> Form:
    """requests with ``files=[("file", file)]``: the part has no type."""
    parts = [Part((f'Content-Disposition: form-data; name="{key}"',), value.encode()) for key, value in fields]
    upload = Part((f'Content-Disposition: form-data; name="file"; filename="{name}"',), file)
    return _form([*parts, upload], "d1a4b9e2c06f4b7e8a35c1e90f6b2d77")


def dotnet(fields: Sequence[tuple[str, str]], file: bytes, name: str, media_type: str) -> Form:
    """.NET's MultipartFormDataContent: names without quotes, the file's told twice, a quoted boundary."""
    disposition = f"Content-Disposition: form-data; name=file; filename={name}; filename*=utf-8''{name}"
    upload = Part((f"Content-Type: {media_type}", disposition), file)
    parts = [
        Part(("Content-Type: text/plain; charset=utf-8", f"Content-Disposition: form-data; name={key}"), value.encode())
        for key, value in fields
    ]
    return _form([upload, *parts], "6d3f2c1e-8a47-4c0b-9a54-2f6f1b7a9c11", quoted=True)
