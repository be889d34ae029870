"""A request's body → its recording and what is wished of it, from a form or from JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import BinaryIO, Generic, TypeVar

from pydantic import JsonValue
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from server.http.errors import ApiError, invalid
from server.http.model_names import check_model
from server.http.service import service_of
from server.protocols.openai.transcription_request import (
    TranscriptionParameters,
    parameters_from_form,
    parameters_from_json,
)
from server.protocols.openai.transcription_wishes import decoded, wishes_of
from server.recordings.wishes import Wishes

Details = TypeVar("Details", covariant=True)

_MAX_FILES = 8
_MAX_FIELDS = 1_000
_MAX_FIELD_BYTES = 4 * 1024 * 1024
_MAX_FIELDS_BYTES = 16 * 1024 * 1024
_MAX_JSON_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Upload(Generic[Details]):
    """A body that was read.

    Attributes:
        file: seekable, at its start; valid until the context that made it ends.
        wishes: what the model is to do with it.
        details: what else the protocol has to remember for its answer.
    """

    file: BinaryIO
    wishes: Wishes
    details: Details


@asynccontextmanager
async def read_upload(request: Request) -> AsyncIterator[Upload[TranscriptionParameters]]:
    """Read the whole body; large files are spooled to disk, and gone at the end of the context.

    Raises ApiError and InvalidParameter for what is wrong with it, ClientDisconnect when the client leaves meanwhile.
    """
    async with _read_body(request) as (file, parameters):
        check_model(parameters.model, service_of(request.scope).settings)
        # Clips in base64 may take a while to read; nothing else of it does.
        clips = bool(parameters.known_speaker_references)
        wishes = await run_in_threadpool(wishes_of, parameters) if clips else wishes_of(parameters)
        yield Upload(file, wishes, parameters)


@asynccontextmanager
async def _read_body(request: Request) -> AsyncIterator[tuple[BinaryIO, TranscriptionParameters]]:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        form = await _read_form(request)
        try:
            yield _from_form(form)
        finally:
            await form.close()
    elif media_type == "application/json":
        yield await _from_json(request)
    else:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "The request must be multipart/form-data with the recording in the field file.",
            code="unsupported_media_type",
        )


class _FormParser(MultiPartParser):
    """Starlette's parser with a limit on all fields together, because they are held in memory."""

    _fields_bytes = 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._fields_bytes += end - start
            if self._fields_bytes > _MAX_FIELDS_BYTES:
                raise MultiPartException(f"The fields beside the file exceed {_MAX_FIELDS_BYTES} bytes.")
        super().on_part_data(data, start, end)


async def _read_form(request: Request) -> FormData:
    parser = _FormParser(
        request.headers,
        request.stream(),
        max_files=_MAX_FILES,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        raise invalid(None, error.message, code="invalid_form") from None


def _from_form(form: FormData) -> tuple[BinaryIO, TranscriptionParameters]:
    files = [value for value in form.getlist("file") if isinstance(value, UploadFile)]
    if len(files) != 1:
        raise invalid("file", f"The form must have one file in the field file, not {len(files)}.", "missing_file")
    fields = [(key, value) for key, value in form.multi_items() if isinstance(value, str)]
    return files[0].file, parameters_from_form(fields)


async def _from_json(request: Request) -> tuple[BinaryIO, TranscriptionParameters]:
    """``{"input_audio": {"data": <base64>}, ...parameters}``, as Open WebUI sends it."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"A JSON body may have {_MAX_JSON_BYTES} bytes; send larger recordings as multipart/form-data.",
                code="content_too_large",
            )
    return await run_in_threadpool(_parse_json, body)


def _parse_json(body: bytearray) -> tuple[BinaryIO, TranscriptionParameters]:
    try:
        values: JsonValue = from_json(body)
    except ValueError:
        raise invalid(None, "The body is not valid JSON.", code="invalid_json") from None
    audio = values.get("input_audio") if isinstance(values, Mapping) else None
    data = audio.get("data") if isinstance(audio, Mapping) else None
    if not isinstance(values, Mapping) or not isinstance(data, str):
        raise invalid("input_audio", "The body must hold input_audio.data with the recording in base64.")
    parameters = parameters_from_json(values)
    return BytesIO(decoded(data, "input_audio")), parameters
