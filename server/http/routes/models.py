"""``GET /v1/models``: the one model that is served."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from server.http.model_names import check_model
from server.http.service import Service, service_of

router = APIRouter(prefix="/v1/models", tags=["models"])


@router.get("", summary="List the served model")
async def list_models(request: Request) -> dict[str, Any]:
    """OpenAI's list, with one entry."""
    service = service_of(request.scope)
    return {"object": "list", "data": [_describe(service, service.settings.served_model_name)]}


@router.get("/{name:path}", summary="Describe a model")
async def retrieve_model(request: Request, name: str) -> dict[str, Any]:
    """The served model under any of its names; 404 for others."""
    service = service_of(request.scope)
    check_model(name, service.settings)
    return _describe(service, name)


def _describe(service: Service, name: str) -> dict[str, Any]:
    return {
        "id": name,
        "object": "model",
        "created": service.created,
        "owned_by": "vibevoice-asr-server",
        "root": service.settings.model,
    }
