"""``/v1/models``."""

from __future__ import annotations

from typing import Any

from server.http.openapi.answers import answers, json_content
from server.http.openapi.schemas import INTEGER, NUMBER, STRING, Schema, const, listing, record, ref

SCHEMAS: dict[str, Schema] = {
    "Model": record(
        {"id": STRING, "object": const("model"), "created": INTEGER, "owned_by": STRING},
        {"root": {"type": "string", "description": "The checkpoint."}, "capacity": ref("Capacity")},
    ),
    "Capacity": record(
        {
            "recording_seconds": NUMBER | {"description": "Longest recording."},
            "upload_bytes": INTEGER | {"description": "Largest body of a request."},
            "pass_seconds": NUMBER | {"description": "Longest that one pass of the model holds."},
            "window_seconds": NUMBER | {"description": "Longest that is heard at once."},
            "recordings": {
                "type": "object",
                "description": "By length in seconds: as many are worked on at once.",
                "additionalProperties": INTEGER,
            },
            "live_sessions": INTEGER,
        },
        about="What there is room for, once the model is there.",
    ),
    "ModelList": record({"object": const("list"), "data": listing(ref("Model"))}),
}

_EXAMPLE = {
    "id": "vibevoice-asr",
    "object": "model",
    "created": 1_767_225_600,
    "owned_by": "vibevoice-asr-server",
    "root": "microsoft/VibeVoice-ASR-HF",
    "capacity": {
        "recording_seconds": 3600.0,
        "upload_bytes": 536_870_912,
        "pass_seconds": 9683.0,
        "window_seconds": 1200.0,
        "recordings": {"60": 32, "600": 11, "3600": 5},
        "live_sessions": 32,
    },
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
