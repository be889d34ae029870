"""``GET /v1/models``: the model that is served, and the adapters beside it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from server.http.model_names import check_model
from server.http.openapi import MODEL, MODELS
from server.http.service import Service, service_of

router = APIRouter(prefix="/v1/models", tags=["models"])

_Name = Annotated[
    str,
    Path(
        description="The served name, the checkpoint, or one of OpenAI's transcription models.",
        openapi_examples={"OpenAI's": {"value": "whisper-1"}},
    ),
]


@router.get("", summary="List the served model", openapi_extra=MODELS)
async def list_models(request: Request) -> dict[str, Any]:
    """OpenAI's list: the served model, and behind it each adapter as a model of its own."""
    service = service_of(request.scope)
    names = [service.settings.served_model_name, *(each.name for each in service.settings.named_adapters)]
    return {"object": "list", "data": [_describe(service, name) for name in names]}


@router.get("/{name:path}", summary="Describe a model", openapi_extra=MODEL)
async def retrieve_model(request: Request, name: _Name) -> dict[str, Any]:
    """The served model under any of its names; 404 for others."""
    service = service_of(request.scope)
    check_model(name, service.settings)
    return _describe(service, name)


def _describe(service: Service, name: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": name,
        "object": "model",
        "created": service.created,
        "owned_by": "vibevoice-asr-server",
        "root": service.settings.model,
    }
    if (capacity := service.engine.capacity) is not None:
        described["capacity"] = {
            "recording_seconds": min(service.settings.max_audio_seconds, capacity.recording_seconds),
            "upload_bytes": service.settings.max_upload_bytes,
            "pass_seconds": capacity.pass_seconds,
            "window_seconds": capacity.window_seconds,
            "recordings": {str(length): count for length, count in capacity.recordings.items()},
            "live_sessions": capacity.live_sessions,
        }
    return described
