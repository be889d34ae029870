"""``WS /v1/realtime``: OpenAI's Realtime API in transcription mode."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from uuid import uuid4

from fastapi import APIRouter, Request, WebSocket

from server.http.auth.callers import caller_of
from server.http.errors import ApiError
from server.http.model_names import adapter_names
from server.http.service import service_of
from server.http.sockets.live_socket import run_session
from server.protocols.openai.realtime.errors import EventError
from server.protocols.openai.realtime.schemas import SessionFields, checked
from server.protocols.openai.realtime.session import RealtimeSession

router = APIRouter(tags=["live"])

SUBPROTOCOL = "realtime"
_BETA = "realtime=v1"
_BETA_SUBPROTOCOL = "openai-beta.realtime-v1"


@router.websocket("/v1/realtime")
async def realtime(websocket: WebSocket, model: str | None = None) -> None:
    """One session. Every ``model`` that is no adapter means the served one. With ``resume=true`` the client wants to be
    able to go on elsewhere; other parameters of the query change nothing.

    It begins as the client secret says that it was opened with, if any.
    """
    service = service_of(websocket.scope)
    resumable = websocket.query_params.get("resume") == "true"
    grant = caller_of(websocket.scope).grant
    try:
        protocol = RealtimeSession(
            model=model or None,
            served_model=service.settings.served_model_name,
            make_id=lambda kind: f"{kind}_{uuid4().hex}",
            start=checked(SessionFields, grant.session if grant else {}),
            flat=_speaks_beta(websocket),
            resumable=resumable,
            room=service.live_context,
            adapters=adapter_names(service.settings),
        )
    except EventError as error:  # a secret of another version of the server
        raise ApiError(HTTPStatus.BAD_REQUEST, error.message, code=error.code, param=error.param) from None
    await run_session(
        websocket,
        service,
        protocol,
        subprotocol=chosen_subprotocol(websocket.scope["subprotocols"]),
        resumable=protocol if resumable else None,
    )


@router.get("/v1/realtime", include_in_schema=False)
async def without_upgrade(request: Request) -> None:
    """What a handshake would be refused with now, and 426 where it would not (RFC 9110 15.5.22).

    Browsers keep that from their pages: all that a page is told of a WebSocket that was refused is that it is closed.
    """
    with service_of(request.scope).place_for_session(caller_of(request.scope).account, 1):
        raise ApiError(
            HTTPStatus.UPGRADE_REQUIRED,
            "Live sessions are WebSockets: this needs an upgrade.",
            code="upgrade_required",
            headers={"upgrade": "websocket"},
        )


def _speaks_beta(websocket: WebSocket) -> bool:
    """The client asks for the API as it was before it was generally available."""
    offered = websocket.scope["subprotocols"]
    return _BETA_SUBPROTOCOL in offered or websocket.headers.get("openai-beta") == _BETA


def chosen_subprotocol(offered: Iterable[str]) -> str | None:
    """``realtime`` if offered: browsers give up without an answer. Never an entry that carries a key."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None
