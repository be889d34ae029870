"""``/v1/models``."""

from __future__ import annotations

from typing import Any

from server.http.openapi.answers import answers, json_content
from server.http.openapi.schemas import INTEGER, STRING, Schema, const, listing, record, ref

SCHEMAS: dict[str, Schema] = {
    "Model": record(
        {"id": STRING, "object": const("model"), "created": INTEGER, "owned_by": STRING},
        {"root": {"type": "string", "description": "The checkpoint."}},
    ),
    "ModelList": record({"object": const("list"), "data": listing(ref("Model"))}),
}

_EXAMPLE = {
    "id": "vibevoice-asr",
    "object": "model",
    "created": 1_767_225_600,
    "owned_by": "vibevoice-asr-server",
    "root": "microsoft/VibeVoice-ASR-HF",
}


def _ok(description: str, schema: str, example: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": json_content(ref(schema), example)}


MODELS: dict[str, Any] = {
    "responses": answers(
        401, 403, 500, ok=_ok("The served model.", "ModelList", {"object": "list", "data": [_EXAMPLE]})
    )
}
MODEL: dict[str, Any] = {
    "responses": answers(401, 403, 404, 500, ok=_ok("The served model.", "Model", _EXAMPLE)),
}
