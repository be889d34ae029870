"""``WS /v1/realtime``: OpenAI's Realtime API in transcription mode."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import uuid4

from fastapi import APIRouter, WebSocket

from server.http.service import service_of
from server.http.sockets.live_socket import run_session
from server.protocols.openai.realtime.session import RealtimeSession

router = APIRouter(tags=["live"])

SUBPROTOCOL = "realtime"


@router.websocket("/v1/realtime")
async def realtime(websocket: WebSocket, model: str | None = None) -> None:
    """One session. Every ``model`` means the served one, and other parameters of the query change nothing."""
    service = service_of(websocket.scope)
    protocol = RealtimeSession(
        model=model or None,
        served_model=service.settings.served_model_name,
        make_id=lambda kind: f"{kind}_{uuid4().hex}",
    )
    await run_session(websocket, service, protocol, subprotocol=chosen_subprotocol(websocket.scope["subprotocols"]))


def chosen_subprotocol(offered: Iterable[str]) -> str | None:
    """``realtime`` if offered: browsers give up without an answer. Never an entry that carries a key."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
