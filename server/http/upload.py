"""A request's body → its recording and what is wished of it, from a form or from JSON."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from io import BytesIO
from typing import BinaryIO, Generic, TypeVar

from pydantic import JsonValue
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.http.errors import ApiError, invalid
from server.http.forms.errors import InvalidForm
from server.http.forms.form import Field, File, Form, read_form
from server.http.model_names import check_model
from server.http.service import service_of
from server.protocols.openai.recording_request import Parameters, parameters_from_form, parameters_from_json
from server.protocols.openai.transcription_wishes import decoded
from server.recordings.wishes import Wishes

Details = TypeVar("Details", covariant=True)
_Body = tuple[BinaryIO, str | None, Parameters]
"""The recording, its name, and the parameters beside it."""

_MAX_JSON_BYTES = 64 * 1024 * 1024
_FILE = "file"
_INPUT_AUDIO = "input_audio"
_RECORDINGS = (_INPUT_AUDIO, _FILE)
"""Where the recording may stand in JSON: base64, or an object with it as ``data``."""
_URLS = frozenset({"url", "file_url", "audio_url"})
"""Fields of other servers that fetch the recording."""
_DATA_URL = b"data:"
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOW_TO_SEND_JSON = "The body must be an object that holds the recording in base64 as input_audio.data, or as file."
_HOW_TO_SEND = "Send a form (multipart/form-data) with the recording in the field file, as curl -F file=@a.wav does."


@dataclass(frozen=True, slots=True)
class Upload(Generic[Details]):
    """A body that was read.

    Attributes:
        file: seekable, at its start; valid until the context that made it ends.
        wishes: what the model is to do with it.
        details: what else the protocol has to remember for its answer.
        filename: as the client gives it, where it does.
    """

    file: BinaryIO
    wishes: Wishes
    details: Details
    filename: str | None = None


@asynccontextmanager
async def read_upload(
    request: Request, kind: type[Parameters], wishes_of: Callable[[Parameters], Wishes]
) -> AsyncIterator[Upload[Parameters]]:
    """Read the whole body; large files are spooled to disk, and gone at the end of the context.

    Args:
        request: a form, or JSON.
        kind: of its parameters.
        wishes_of: what of them is for the model.

    Raises ApiError and InvalidParameter for what is wrong with it, ClientDisconnect when the client leaves meanwhile.
    """
    async with _read_body(request, kind) as (file, filename, parameters):
        check_model(parameters.model, service_of(request.scope).settings)
        # Clips in base64 may take a while to read; nothing else of it does.
        clips = bool(parameters.known_speaker_references)
        wishes = await run_in_threadpool(wishes_of, parameters) if clips else wishes_of(parameters)
        yield Upload(file, wishes, parameters, filename)


@asynccontextmanager
async def _read_body(request: Request, kind: type[Parameters]) -> AsyncIterator[_Body[Parameters]]:
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        try:
            async with read_form(content_type, request.stream(), {_FILE}) as form:
                yield await _from_form(form, kind)
        except InvalidForm as error:
            raise invalid(None, error.message, code="invalid_form") from None
    elif media_type in {"application/json", "text/json"}:
        yield await _from_json(request, kind)
    else:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The Content-Type is {media_type[:80] or 'missing'}. {_HOW_TO_SEND}",
            code="unsupported_media_type",
        )


async def _from_form(form: Form, kind: type[Parameters]) -> _Body[Parameters]:
    # Pages send a part without content for every file that nobody chose.
    files = [file for file in form.files if file.size] or form.files[:1]
    if len(files) != 1:
        raise invalid(_FILE, _no_file(form) if not files else _several_files(len(files)), "missing_file")
    parameters = parameters_from_form(kind, [(field.name, _value_of(field)) for field in form.fields])
    return await _recording(files[0]), files[0].filename, parameters


async def _recording(file: File) -> BinaryIO:
    """The file; what it stands for where a page sent it as a data: URL, as no recording begins."""
    start = file.file.read(len(_DATA_URL))
    file.file.seek(0)
    if start.lower() != _DATA_URL or file.size > _MAX_JSON_BYTES:
        return file.file
    return await run_in_threadpool(lambda: BytesIO(decoded(file.file.read().decode("latin-1"), _FILE)))


def _several_files(count: int) -> str:
    return f"The form must have one recording in the field file, not {count}."


def _no_file(form: Form) -> str:
    if any(field.name in _URLS and field.value for field in form.fields):
        return "This server fetches nothing: send the recording itself in the field file."
    others = [field.name[:40] for field in form.fields if field.filename is not None]
    there = f"; there is a file in the field {others[0]}" if others else ""
    return f"The form must have the recording in the field file{there}."


def _value_of(field: Field) -> str:
    """The text of a field; out of its quotes where the client writes every value as JSON, as Retrofit does."""
    if field.content_type == "application/json" and field.value.lstrip().startswith('"'):
        try:
            return str(from_json(field.value))
        except ValueError:
            return field.value
    return field.value


async def _from_json(request: Request, kind: type[Parameters]) -> _Body[Parameters]:
    """``{"input_audio": {"data": <base64>}, ...parameters}``, as Open WebUI sends it, or with ``"file": <base64>``."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_JSON_BYTES:
            raise ApiError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"A JSON body may have {_MAX_JSON_BYTES} bytes; send larger recordings as multipart/form-data.",
                code="content_too_large",
            )
    return await run_in_threadpool(_parse_json, body, kind)


def _parse_json(body: bytearray, kind: type[Parameters]) -> _Body[Parameters]:
    if body.startswith(BOM_UTF8):  # as .NET writes it
        del body[: len(BOM_UTF8)]
    try:
        values: JsonValue = from_json(body)
    except ValueError:
        raise invalid(None, "The body is not valid JSON.", code="invalid_json") from None
    if not isinstance(values, Mapping):
        raise invalid(_INPUT_AUDIO, _HOW_TO_SEND_JSON)
    parameters = parameters_from_json(kind, {key: value for key, value in values.items() if key not in _RECORDINGS})
    param, data = _recording_in(values)
    return BytesIO(decoded(data, param)), None, parameters


def _recording_in(values: Mapping[str, JsonValue]) -> tuple[str, str]:
    """The recording in base64, and the parameter that it is in. Raises ApiError where there is none."""
    for param in _RECORDINGS:
        given = values.get(param)
        data = given.get("data") if isinstance(given, Mapping) else given
        if isinstance(data, str) and data:
            if _URL.match(data):
                raise invalid(param, f"{param} must be the recording itself in base64; this server fetches nothing.")
            return param, data
    raise invalid(_INPUT_AUDIO, _HOW_TO_SEND_JSON)
