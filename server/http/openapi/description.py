"""The whole description: what FastAPI finds in the routes, with the components they share and who may call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.routing import WebSocketRoute

from server.http.openapi import chat, diarization, job_schemas, listen, models, operations, transcriptions
from server.http.openapi.answers import ERROR_SCHEMAS, HEADERS, RESPONSES
from server.http.openapi.live import TAGS, WEBSOCKETS

_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, or a short-lived credential."},
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "Deepgram's way: `Token <key>`, both words.",
    },
}
_X_API_KEY = {"type": "apiKey", "in": "header", "name": "X-API-Key"}
_IN_QUERY = {"type": "apiKey", "in": "query", "name": "token"}


def describe(app: FastAPI, routers: Iterable[APIRouter], *, keyed: bool, header: bool, query: bool) -> None:
    """Have the application tell its description with all of its parts.

    Args:
        app: whose description it is.
        routers: of all of its routes.
        keyed: API keys are set; otherwise a key may be sent and opens nothing that is not open.
        header: they are looked for in ``X-API-Key`` too.
        query: and in ``?token=``.
    """
    found = app.openapi
    sockets = [route.path for router in routers for route in router.routes if isinstance(route, WebSocketRoute)]
    schemes = _SCHEMES | ({"x-api-key": _X_API_KEY} if header else {}) | ({"query": _IN_QUERY} if query else {})
    needs: list[dict[str, Any]] = [{name: []} for name in schemes]

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = found()
            schema["security"] = needs if keyed else [{}, *needs]
            schema["tags"] = TAGS
            schema["x-websockets"] = {path: WEBSOCKETS[path] for path in sockets}
            schema["components"] = {
                "schemas": _schemas(),
                "responses": RESPONSES | job_schemas.RESPONSES,
                "headers": HEADERS,
                "securitySchemes": schemes,
            }
            _tidy(schema)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def _schemas() -> dict[str, Any]:
    parts = [room.SCHEMAS for room in (transcriptions, chat, job_schemas, diarization, listen, models, operations)]
    return {name: schema for part in (ERROR_SCHEMAS, *parts) for name, schema in part.items()}


def _tidy(schema: dict[str, Any]) -> None:
    """Without what FastAPI supposes of routes: refusals of values are 400 here, and an answer is what is described."""
    for path in schema["paths"].values():
        for operation in path.values():
            responses = operation["responses"]
            if "HTTPValidationError" in str(responses.get("422")):
                del responses["422"]
            if responses["200"].get("content", {}).get("application/json") == {"schema": {}}:
                del responses["200"]
