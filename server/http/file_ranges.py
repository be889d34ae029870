"""A file as an answer, whole or the range of it that a player asks for (RFC 9110, section 14)."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncGenerator
from http import HTTPStatus
from mimetypes import guess_type
from typing import BinaryIO, Final
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from server.http.errors import ApiError

_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.IGNORECASE)
"""Of one range alone: others may be ignored, and are answered with all of the file then."""
_AT_ONCE: Final = 1 << 18
_SOUND: Final = ("audio/", "video/")


class FileResponse(StreamingResponse):
    """``file``, which it closes, and of which nothing changes meanwhile.

    Args:
        file: opened, from the disk.
        name: that the client gave it; of its ending only what names sound or video is believed.
        etag: of its content.
        asked: headers of the request.

    Raises the 416 of a range that the file does not have; then the file is closed as well.
    """

    def __init__(self, file: BinaryIO, name: str | None, etag: str, asked: Headers) -> None:
        size = os.fstat(file.fileno()).st_size
        place = _range(asked, size, etag)
        if place is not None and not place:
            file.close()
            raise ApiError(
                HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
                f"The file has {size} bytes.",
                code="range_not_satisfiable",
                param="range",
                headers={"content-range": f"bytes */{size}"},
            )
        part = range(size) if place is None else place
        headers = {"accept-ranges": "bytes", "content-length": str(len(part)), "etag": etag, "cache-control": "private"}
        if place is not None:
            headers["content-range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        if name is not None:
            headers["content-disposition"] = f"inline; filename*=utf-8''{quote(name, safe='')}"
        status = HTTPStatus.OK if place is None else HTTPStatus.PARTIAL_CONTENT
        super().__init__(_content(file, part), status, headers, _media_type(name))
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._file.close()


def _range(asked: Headers, size: int, etag: str) -> range | None:
    """The bytes that are asked for, an empty range where there are none; None: all of the file."""
    found = _RANGE.fullmatch(asked.get("range", "").strip())
    if found is None or asked.get("if-range", etag) != etag:
        return None
    first, last = found.groups()
    if not first:
        return None if not last else range(max(0, size - int(last)), size)
    end = size if not last else min(size, int(last) + 1)
    return None if last and int(last) < int(first) else range(int(first), end)


def _media_type(name: str | None) -> str:
    """Only of sound and pictures: a page that somebody uploaded is none here."""
    guessed, _ = guess_type(name or "")
    return guessed if guessed is not None and guessed.startswith(_SOUND) else "application/octet-stream"


async def _content(file: BinaryIO, part: range) -> AsyncGenerator[bytes, None]:
    await asyncio.to_thread(file.seek, part.start)
    left = len(part)
    while left and (content := await asyncio.to_thread(file.read, min(left, _AT_ONCE))):
        left -= len(content)
        yield content
