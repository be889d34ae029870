"""``/v1/listen``: Deepgram's API, live over a WebSocket and for files by POST."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Request, WebSocket
from fastapi.responses import JSONResponse
from starlette.datastructures import QueryParams

from server.context import ANY_ROOM, ContextRoom
from server.http.deepgram_error import LISTEN_PATH, REQUEST_ID_HEADER, invalid_query
from server.http.model_names import adapter_of
from server.http.openapi import LISTEN
from server.http.routes.deepgram_file import now, transcribe_body
from server.http.service import service_of
from server.http.sockets.live_socket import run_session
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.session import DeepgramSession

router = APIRouter(prefix=LISTEN_PATH, tags=["deepgram"])

SUBPROTOCOLS = ("token", "bearer")


@router.websocket("")
async def listen_live(websocket: WebSocket) -> None:
    """One live session. A query that cannot be honoured is refused before the connection is accepted."""
    service = service_of(websocket.scope)
    room = service.live_context
    query = _query(websocket.query_params, live=True, room=room)
    session = DeepgramSession(
        query,
        served_model=service.settings.served_model_name,
        request_id=websocket.state.request_id,
        created=now(),
        room=room,
        adapter=adapter_of(websocket.query_params, service.settings),
    )
    await run_session(
        websocket,
        service,
        session,
        subprotocol=chosen_subprotocol(websocket.scope["subprotocols"]),
        headers={REQUEST_ID_HEADER: websocket.state.request_id},
        channels=query.most_channels,
        resumable=session if query.resume else None,
    )


def chosen_subprotocol(offered: Iterable[str]) -> str | None:
    """The one that browsers offer before the key to say what it is; never the key itself."""
    return next((name for name in offered if name in SUBPROTOCOLS), None)


@router.post("", summary="Transcribe a recording, as Deepgram does", openapi_extra=LISTEN)
async def listen_file(request: Request) -> JSONResponse:
    """The body is the recording, the query says what is wanted."""
    answer = await transcribe_body(request, _query(request.query_params, live=False))
    answer.headers[REQUEST_ID_HEADER] = request.state.request_id
    return answer


def _query(parameters: QueryParams, *, live: bool, room: ContextRoom = ANY_ROOM) -> ListenQuery:
    """Raises the 400."""
    try:
        return ListenQuery.parse(parameters.multi_items(), live=live, room=room)
    except InvalidQuery as error:
        raise invalid_query(error.message, error.code) from None
