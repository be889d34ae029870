"""A request's body → its recording and what is wished of it, from a form or from JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import BinaryIO, Generic, TypeVar

from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from server.context import ContextTooLong
from server.http.errors import ApiError, invalid
from server.http.forms.errors import InvalidForm
from server.http.forms.form import Field, File, Form, read_form
from server.http.json_upload import read_json
from server.http.model_names import check_model
from server.http.service import service_of
from server.http.spool import SpooledFile
from server.protocols.base64_text import Base64Decoder, NotBase64
from server.protocols.openai.recording_request import CONTEXT, Parameters, parameters_from_form, parameters_from_json
from server.protocols.openai.request_values import parameter_of
from server.protocols.openai.transcription_wishes import not_base64
from server.recordings.wishes import Wishes

Details = TypeVar("Details", covariant=True)
_Body = tuple[BinaryIO, str | None, Parameters]
"""The recording, its name, and the parameters beside it."""

_FILE = "file"
_URLS = frozenset({"url", "file_url", "audio_url"})
"""Fields of other servers that fetch the recording."""
_DATA_URL = b"data:"
_AT_ONCE = 1 << 18
"""Bytes that are decoded in one go."""
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
        adapter = check_model(parameters.model, service_of(request.scope).settings)
        # Clips in base64 may take a while to read; nothing else of it does.
        clips = bool(parameters.known_speaker_references)
        wishes = await run_in_threadpool(wishes_of, parameters) if clips else wishes_of(parameters)
        yield Upload(file, replace(wishes, adapter=adapter), parameters, filename)


@asynccontextmanager
async def _read_body(request: Request, kind: type[Parameters]) -> AsyncIterator[_Body[Parameters]]:
    spool = service_of(request.scope).spool
    content_type = request.headers.get("content-type", "")
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        try:
            async with read_form(content_type, request.stream(), {_FILE}, spool) as form:
                with spool.file() as decoded:
                    yield await _from_form(form, kind, decoded)
        except InvalidForm as error:
            context = parameter_of(error.too_long or "")
            if context in CONTEXT:
                raise invalid(context, str(ContextTooLong.at_all()), code="context_too_long") from None
            raise invalid(None, error.message, code="invalid_form") from None
    elif media_type in {"application/json", "text/json"}:
        async with read_json(request.stream(), spool) as upload:
            parameters = await run_in_threadpool(parameters_from_json, kind, upload.values)
            yield upload.recording(), None, parameters
    else:
        raise ApiError(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"The Content-Type is {media_type[:80] or 'missing'}. {_HOW_TO_SEND}",
            code="unsupported_media_type",
        )


async def _from_form(form: Form, kind: type[Parameters], decoded: SpooledFile) -> _Body[Parameters]:
    # Pages send a part without content for every file that nobody chose.
    files = [file for file in form.files if file.size] or form.files[:1]
    if len(files) != 1:
        raise invalid(_FILE, _no_file(form) if not files else _several_files(len(files)), "missing_file")
    parameters = parameters_from_form(kind, [(field.name, _value_of(field)) for field in form.fields])
    return await _recording(files[0], decoded), files[0].filename, parameters


async def _recording(file: File, decoded: SpooledFile) -> BinaryIO:
    """The file; what it stands for where a page sent it as a data: URL, as no recording begins."""
    start = file.file.read(len(_DATA_URL))
    file.file.seek(0)
    if start.lower() != _DATA_URL:
        return file.file
    return await run_in_threadpool(_decode, file.file, decoded)


def _decode(file: BinaryIO, decoded: SpooledFile) -> BinaryIO:
    """What base64 in ``file`` stands for, by way of ``decoded``. Raises InvalidParameter."""
    decoder = Base64Decoder()
    try:
        for text in iter(partial(file.read, _AT_ONCE), b""):
            decoded.write_in_thread(decoder.feed(text))
        decoded.write_in_thread(decoder.finish())
    except NotBase64:
        raise not_base64(_FILE) from None
    return decoded.opened()


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
