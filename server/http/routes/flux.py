"""``WS /v2/listen``: Deepgram's API for conversations, turn by turn."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from server.http.deepgram_error import FLUX_PATH, REQUEST_ID_HEADER, invalid_query
from server.http.routes.deepgram import chosen_subprotocol
from server.http.service import service_of
from server.http.sockets.live_socket import run_session
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.flux.query import FluxQuery
from server.protocols.flux.session import FluxSession

router = APIRouter(tags=["deepgram"])


@router.websocket(FLUX_PATH)
async def listen_in_turns(websocket: WebSocket) -> None:
    """One session. A query that cannot be honoured is refused before the connection is accepted."""
    service = service_of(websocket.scope)
    room = service.live_context
    try:
        query = FluxQuery.parse(websocket.query_params.multi_items(), room)
    except InvalidQuery as error:
        raise invalid_query(error.message, error.code) from None
    request_id = websocket.state.request_id
    session = FluxSession(query, request_id=request_id, room=room)
    await run_session(
        websocket,
        service,
        session,
        subprotocol=chosen_subprotocol(websocket.scope["subprotocols"]),
        headers={REQUEST_ID_HEADER: request_id},
        resumable=session if query.resume else None,
    )
