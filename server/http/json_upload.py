"""A recording in JSON, ``{"input_audio": {"data": <base64>}, ...}``, decoded as it comes: no body is held whole."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO, Final

from pydantic import JsonValue
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool

from server.http.errors import ApiError, invalid
from server.http.json_scan import (
    MAX_DEPTH,
    MAX_VALUES,
    Event,
    JsonScanner,
    JsonTooComplex,
    TextBegin,
    TextData,
    Wanted,
    member_or_data,
)
from server.http.spool import Spool, SpooledFile
from server.protocols.base64_text import Base64Decoder, NotBase64
from server.protocols.openai.transcription_wishes import not_base64

MAX_BYTES: Final = 64 * 1024 * 1024
"""Of a body."""
_MAX_REST: Final = 16 * 1024 * 1024
"""Of it beside the recording, as of a form's fields."""
_INPUT_AUDIO: Final = "input_audio"
_PARAMS: Final = (_INPUT_AUDIO, "file")
"""Where the recording may stand: base64, or an object with it as ``data``. The first one counts."""
_URL: Final = re.compile(rb"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_START: Final = 256
"""Bytes of a text that tell whether it is an address."""
_HOW_TO_SEND: Final = "The body must be an object that holds the recording in base64 as input_audio.data, or as file."


@dataclass(frozen=True, slots=True)
class JsonUpload:
    """A body that was read.

    Attributes:
        values: its members but for those that the recording may be in.
    """

    values: Mapping[str, JsonValue]
    _recording: TextRecording | None

    def recording(self) -> BinaryIO:
        """Seekable, at its start. Raises ApiError and InvalidParameter where there is none that can be used."""
        if self._recording is None or not self._recording.start:
            raise invalid(_INPUT_AUDIO, _HOW_TO_SEND)
        return self._recording.opened()


@asynccontextmanager
async def read_json(body: AsyncIterator[bytes], spool: Spool) -> AsyncIterator[JsonUpload]:
    """Read all of a body. Its recording is gone at the end of the context.

    Raises ApiError where it is no object, or too large, and BudgetSpent.
    """
    with ExitStack() as stack:
        reader = JsonReader(spool, stack, member_or_data(_PARAMS))
        await reader.read(body)
        values = await run_in_threadpool(reader.values)
        if values is None:
            raise invalid(_INPUT_AUDIO, _HOW_TO_SEND)
        others = {key: value for key, value in values.items() if key not in _PARAMS}
        found = (reader.recording_at(values.get(param)) for param in _PARAMS)
        yield JsonUpload(others, next(filter(None, found), None))


class JsonReader:
    """Reads a body, and decodes the recordings in it on the way.

    Args:
        spool: for them.
        stack: closes what is kept of the body.
        wanted: where in it they are.
    """

    def __init__(self, spool: Spool, stack: ExitStack, wanted: Wanted) -> None:
        self._spool = spool
        self._stack = stack
        self._memory = stack.enter_context(spool.memory.share())
        self._scanner = JsonScanner(wanted)
        self._recordings: list[TextRecording] = []
        self._begin: bytes | None = b""  # until it is known whether it is a mark of the byte order
        self._size = 0

    async def read(self, body: AsyncIterator[bytes]) -> None:
        """All of it. Raises ApiError where it is too large or too complex, and BudgetSpent."""
        async for chunk in body:
            await self._feed(chunk)

    def values(self) -> Mapping[str, JsonValue] | None:
        """What the body says, with numbers for recordings; None where it is no object. Raises ApiError."""
        try:
            values: JsonValue = from_json((self._begin or b"") + self._scanner.rest)
        except ValueError:
            raise invalid(None, "The body is not valid JSON.", code="invalid_json") from None
        return values if isinstance(values, Mapping) else None

    def recording_at(self, value: JsonValue) -> TextRecording | None:
        """That of a value, or of its ``data``: the scanner left its number there."""
        number = value.get("data") if isinstance(value, Mapping) else value
        numbers = {str(place): recording for place, recording in enumerate(self._recordings)}
        return numbers.get(number) if isinstance(number, str) else None

    async def _feed(self, chunk: bytes) -> None:
        self._size += len(chunk)
        if self._size > MAX_BYTES:
            raise _too_large(f"A JSON body may have {MAX_BYTES} bytes")
        if self._begin is not None:
            chunk, self._begin = self._begin + chunk, None
            if len(chunk) < len(BOM_UTF8):
                self._begin = chunk
                return
            chunk = chunk.removeprefix(BOM_UTF8)  # as .NET writes it
        before = len(self._scanner.rest)
        try:
            for event in self._scanner.feed(chunk):
                await self._take(event)
        except JsonTooComplex:
            raise invalid(
                None, f"A JSON body may have {MAX_VALUES} values and be {MAX_DEPTH} levels deep.", "invalid_json"
            ) from None
        if len(self._scanner.rest) > _MAX_REST:
            raise _too_large(f"A JSON body may have {_MAX_REST} bytes beside the recording")
        self._memory.take(len(self._scanner.rest) - before)

    async def _take(self, event: Event) -> None:
        match event:
            case TextBegin(param):
                file = self._stack.enter_context(self._spool.file())
                self._recordings.append(TextRecording(param, file))
            case TextData(data):
                await self._recordings[-1].feed(data)
            case _:
                await self._recordings[-1].finish()


class TextRecording:
    """One that is decoded on the way. What is wrong with it is told when everything else of the body is known.

    Attributes:
        param: the member that it is in.
        file: its bytes.
        start: how its text begins.
    """

    def __init__(self, param: str, file: SpooledFile) -> None:
        self.param = param
        self.file = file
        self.start = b""
        self._decoder: Base64Decoder | None = Base64Decoder()

    async def feed(self, text: bytes) -> None:
        if len(self.start) < _START:
            self.start += text[:_START]
        if self._decoder is not None:
            try:
                decoded = self._decoder.feed(text)
            except NotBase64:
                self._decoder = None
                return
            await self.file.write(decoded)

    async def finish(self) -> None:
        if self._decoder is not None:
            try:
                rest = self._decoder.finish()
            except NotBase64:
                self._decoder = None
                return
            await self.file.write(rest)

    def opened(self) -> BinaryIO:
        """Seekable, at its start. Raises ApiError and InvalidParameter where it cannot be used."""
        if _URL.match(self.start):
            message = f"{self.param} must be the recording itself in base64; this server fetches nothing."
            raise invalid(self.param, message)
        if self._decoder is None:
            raise not_base64(self.param)
        return self.file.opened()


def _too_large(what: str) -> ApiError:
    return ApiError(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        f"{what}; send larger recordings as multipart/form-data.",
        code="content_too_large",
    )
