"""A request's form, read as it comes: recordings go to the disk, everything else is held in memory, within limits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from server.http.forms.errors import InvalidForm
from server.http.forms.multipart import MultipartParser, PartBegin, PartData
from server.http.forms.part import PartHeaders, boundary_of, charset_of, decoded_text, read_headers
from server.http.forms.transfer_encoding import Decoder, decoder_of
from server.http.spool import Spool, SpooledFile

_MAX_FILES: Final = 8
_MAX_FIELDS: Final = 1_000
_MAX_FIELD_BYTES: Final = 4 * 1024 * 1024
_MAX_FIELDS_BYTES: Final = 16 * 1024 * 1024
_BRACKETS: Final = re.compile(r"\[\d*\]$")
_MAX_CHARSET: Final = 64
_CHARSET_FIELD: Final = "_charset_"
"""RFC 7578 4.6: a field that names the charset of the others."""


@dataclass(frozen=True, slots=True)
class Field:
    """A part that is held in memory.

    ``filename``: where the client calls it a file.
    """

    name: str
    value: str
    content_type: str = ""
    filename: str | None = None


@dataclass(frozen=True, slots=True)
class File:
    """A part that was spooled.

    Attributes:
        file: at its start.
        size: bytes.
        filename: as the client gives it, or None.
    """

    file: BinaryIO
    size: int
    filename: str | None


@dataclass(slots=True)
class Form:
    """What came, in its order. ``files``: the parts of the names that are files; ``fields``: all others."""

    fields: list[Field] = field(default_factory=list)
    files: list[File] = field(default_factory=list)


@asynccontextmanager
async def read_form(
    content_type: str, body: AsyncIterator[bytes], files: Collection[str], spool: Spool
) -> AsyncIterator[Form]:
    """Read all of a form. Its files are gone at the end of the context.

    What is a file, only its name decides: clients leave the file name out (a Buffer in Node, a string in PHP), or put
    one to a text (a Blob in a browser). Other parts that call themselves files are left out where they are too large
    for a text.

    Args:
        content_type: of the request.
        body: as it comes.
        files: the names of the parts that are files, also as ``name[]`` and ``name[0]`` and in any case.
        spool: for those files.

    Raises InvalidForm, also for a form whose last boundary did not come, and BudgetSpent.
    """
    reader = _FormReader(content_type, files, spool)
    try:
        async for chunk in body:
            await reader.feed(chunk)
        yield reader.finish()
    finally:
        reader.close()


class _FormReader:
    def __init__(self, content_type: str, files: Collection[str], spool: Spool) -> None:
        self._parser = MultipartParser(boundary_of(content_type))
        self._charset = charset_of(content_type)
        self._file_names = frozenset(files)
        self._files: list[_File] = []
        self._fields: list[_Field] = []
        self._spool = spool
        self._memory = spool.memory.share()
        self._held = 0  # bytes of fields
        self._part: _File | _Field | None = None

    async def feed(self, chunk: bytes) -> None:
        for event in self._parser.feed(chunk):
            if isinstance(event, PartBegin):
                self._part = self._begin(read_headers(event.headers))
                continue
            assert self._part is not None
            decoder = self._part.decoder
            content = decoder.feed(event.data) if isinstance(event, PartData) else decoder.finish()
            if isinstance(self._part, _File):
                await self._part.spooled.write(content)
            else:
                self._hold(self._part, content)

    def _begin(self, headers: PartHeaders) -> _File | _Field:
        decoder = decoder_of(headers.encoding)
        if _BRACKETS.sub("", headers.name).lower() in self._file_names:
            if len(self._files) == _MAX_FILES:
                raise InvalidForm(f"A form may have {_MAX_FILES} files.")
            self._files.append(_File(headers, decoder, self._spool.file()))
            return self._files[-1]
        if len(self._fields) == _MAX_FIELDS:
            raise InvalidForm(f"A form may have {_MAX_FIELDS} fields.", too_long=headers.name)
        self._fields.append(_Field(headers, decoder))
        return self._fields[-1]

    def _hold(self, part: _Field, content: bytes) -> None:
        if part.dropped:
            return
        if len(part.content) + len(content) > _MAX_FIELD_BYTES:
            if part.headers.filename is None:
                raise InvalidForm(
                    f"A field beside the file may have {_MAX_FIELD_BYTES} bytes.", too_long=part.headers.name
                )
            self._held -= len(part.content)
            part.drop()
            return
        self._memory.take(len(content))
        part.content += content
        self._held += len(content)
        if self._held > _MAX_FIELDS_BYTES:
            raise InvalidForm(
                f"The fields beside the file may have {_MAX_FIELDS_BYTES} bytes together.", too_long=part.headers.name
            )

    def finish(self) -> Form:
        if not self._parser.begun:
            raise InvalidForm("The body does not begin with the boundary that its Content-Type names.")
        if not self._parser.ended:
            where = f" in the part {self._part.headers.name[:40]}" if self._part is not None else ""
            raise InvalidForm(f"The form was cut off{where}: its last boundary did not come.")
        return Form(list(self._texts()), [File(*part.finished()) for part in self._files])

    def _texts(self) -> list[Field]:
        stated = next((part.text("ascii") for part in self._fields if part.headers.name == _CHARSET_FIELD), None)
        charset = (
            self._charset if stated is None else charset_of(f"text/plain; charset={stated.strip()[:_MAX_CHARSET]}")
        )
        return [
            Field(part.headers.name, part.text(charset), part.headers.content_type, part.headers.filename)
            for part in self._fields
        ]

    def close(self) -> None:
        self._memory.give_back()
        for part in self._files:
            part.spooled.close()


class _File:
    """A part on its way to the disk."""

    def __init__(self, headers: PartHeaders, decoder: Decoder, spooled: SpooledFile) -> None:
        self.headers = headers
        self.decoder = decoder
        self.spooled = spooled

    def finished(self) -> tuple[BinaryIO, int, str | None]:
        return self.spooled.opened(), self.spooled.size, self.headers.filename


class _Field:
    """A part that is held in memory."""

    def __init__(self, headers: PartHeaders, decoder: Decoder) -> None:
        self.headers = headers
        self.decoder = decoder
        self.content = bytearray()
        self.dropped = False

    def drop(self) -> None:
        self.dropped = True
        self.content.clear()

    def text(self, charset: str | None) -> str:
        return decoded_text(bytes(self.content), self.headers.charset or charset)
