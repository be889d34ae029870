"""A recording that is the whole body of a request, transcribed and told in Deepgram's shape."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus

from starlette.requests import Request

from server.audio_in.raw import is_raw
from server.http.deepgram_error import invalid_query
from server.http.disconnect import while_connected
from server.http.errors import ApiError
from server.http.long_json import LongJSONResponse
from server.http.model_names import adapter_of
from server.http.recording_requests import open_transcription
from server.http.service import service_of
from server.http.upload import Upload
from server.http.writing import written
from server.protocols.deepgram.prerecorded import render
from server.protocols.deepgram.query import ListenQuery
from server.recordings.wishes import Wishes

_NOT_AUDIO = {
    "application/json": "This server fetches nothing: send the recording itself as the body, not a URL.",
    "multipart/form-data": "The body must be the recording itself, not a form.",
}


async def transcribe_body(request: Request, query: ListenQuery) -> LongJSONResponse:
    """The answer to ``POST /v1/listen``. Nothing of the body is read before there is a place for the request.

    Raises what `to_api_error` knows, and ClientDisconnect.
    """
    created = now()
    request.state.log["format"] = "deepgram"
    async with AsyncExitStack() as resources:
        reading = _read_body(request, query)
        transcription, sha256 = await open_transcription(request, resources, reading)
        transcript = await while_connected(request.receive, transcription.whole())
    identity = {
        "served_model": service_of(request.scope).settings.served_model_name,
        "request_id": request.state.request_id,
        "sha256": sha256,
        "created": created,
    }
    return await written(transcript, lambda: LongJSONResponse(render(transcript, query, **identity)))


def now() -> str:
    """The time as Deepgram writes it: ISO 8601 to the millisecond, in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@asynccontextmanager
async def _read_body(request: Request, query: ListenQuery) -> AsyncIterator[Upload[str]]:
    """The whole body as a file that is gone at the end of the context; its details are its SHA-256 in hexadecimal."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in _NOT_AUDIO:
        raise ApiError(HTTPStatus.BAD_REQUEST, _NOT_AUDIO[media_type], code="unsupported_media_type")
    digest = hashlib.sha256()
    with service_of(request.scope).spool.file() as spooled:
        async for chunk in request.stream():
            digest.update(chunk)
            await spooled.write(chunk)
        file = spooled.opened()
        if query.needs_rate and is_raw(file):
            raise invalid_query("sample_rate is needed with encoding: the body does not begin like a container.")
        adapter = adapter_of(request.query_params, service_of(request.scope).settings)
        wishes = Wishes(query.context, listening=query.listening, adapter=adapter)
        yield Upload(file, wishes, digest.hexdigest())
