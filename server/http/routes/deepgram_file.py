"""A recording that is the whole body of a request, transcribed and told in Deepgram's shape."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from time import perf_counter
from typing import BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.requests import ClientDisconnect, Request

from server.http.disconnect import while_connected
from server.http.errors import ApiError
from server.http.service import Service, service_of
from server.protocols.deepgram.alternatives import JsonObject
from server.protocols.deepgram.prerecorded import render
from server.protocols.deepgram.query import ListenQuery
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.recordings.file_transcription import decode_upload, open_transcribing
from server.recordings.recording import Recording

_SPOOL_BYTES = 1 << 20
"""Larger files are kept on the disk until they are decoded."""
_NOT_AUDIO = {
    "application/json": "This server fetches nothing: send the recording itself as the body, not a URL.",
    "multipart/form-data": "The body must be the recording itself, not a form.",
}


async def transcribe_body(request: Request, query: ListenQuery) -> JsonObject:
    """The answer to ``POST /v1/listen``. Nothing of the body is read before there is a place for the request.

    Raises what `to_api_error` knows, and ClientDisconnect.
    """
    began, created = perf_counter(), now()
    service, log, request_id = service_of(request.scope), request.state.log, request.state.request_id
    parameters = TranscriptionParameters(keywords=query.terms)
    log["format"] = "deepgram"
    with service.admit() as ticket:
        recording, sha256 = await _receive(request, service, parameters)
        async with open_transcribing(
            service, ticket, recording, parameters, request_id=request_id, began=began, log=log
        ) as transcribing:
            transcript = await while_connected(request.receive, transcribing.whole())
    served_model = service.settings.served_model_name
    return render(transcript, query, served_model=served_model, request_id=request_id, sha256=sha256, created=created)


def now() -> str:
    """The time as Deepgram writes it: ISO 8601 to the millisecond, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _receive(request: Request, service: Service, parameters: TranscriptionParameters) -> tuple[Recording, str]:
    """Read the body and decode what is in it. Returns the hash of the body too."""
    stage = "upload"
    try:
        async with _read_body(request) as (file, sha256):
            stage = "decode"
            return await while_connected(request.receive, decode_upload(service, file, parameters)), sha256
    except ClientDisconnect:
        service.metrics.cancellations.labels(stage).inc()
        raise


@asynccontextmanager
async def _read_body(request: Request) -> AsyncIterator[tuple[BinaryIO, str]]:
    """The whole body as a file that is gone at the end of the context, and its SHA-256 in hexadecimal."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _NOT_AUDIO:
        raise ApiError(HTTPStatus.BAD_REQUEST, _NOT_AUDIO[media_type], code="unsupported_media_type")
    digest = hashlib.sha256()
    with SpooledTemporaryFile(max_size=_SPOOL_BYTES) as spooled:
        file = cast(BinaryIO, spooled)
        upload = UploadFile(file)  # writes to the disk beside the event loop
        async for chunk in request.stream():
            digest.update(chunk)
            await upload.write(chunk)
        yield file, digest.hexdigest()
