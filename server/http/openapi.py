"""What OpenAPI says of requests that the routes read by themselves, so as not to read a body too early."""

from __future__ import annotations

from typing import Any

from server.protocols.openai.transcription_request import TranscriptionParameters

_SCHEMA = TranscriptionParameters.model_json_schema(ref_template="#/components/schemas/{model}")
_DEFINITIONS: dict[str, Any] = _SCHEMA.pop("$defs")

_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}

COMPONENTS: dict[str, Any] = {**_DEFINITIONS, "Error": _ERROR}
"""Schemas that the fragments below refer to."""


def _error(description: str) -> dict[str, Any]:
    return {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    }


TRANSCRIPTION_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {
                            "type": "string",
                            "format": "binary",
                            "description": "The recording: wav, flac, mp3, ogg, opus, m4a, mp4, webm, mov, aac, aiff.",
                        },
                        **_SCHEMA["properties"],
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["input_audio"],
                    "properties": {
                        "input_audio": {
                            "type": "object",
                            "required": ["data"],
                            "properties": {"data": {"type": "string", "format": "byte"}},
                        },
                        **_SCHEMA["properties"],
                    },
                }
            },
        },
    }
}

TRANSCRIPTION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The transcript in the format asked for; with stream=true OpenAI's transcript.text.* events.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/plain": {"schema": {"type": "string"}},
            "text/vtt": {"schema": {"type": "string"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    400: _error("A parameter or the recording cannot be used; error.param says which."),
    401: _error("No valid API key."),
    404: _error("Another model is asked for than the served one."),
    413: _error("The body is larger than allowed."),
    415: _error("Not a form, or not audio in a supported format."),
    429: _error("Too much work is queued; Retry-After says when to come again."),
    503: _error("The model is not ready, or the server is about to stop; Retry-After says when to come again."),
}


def json_body(properties: dict[str, Any], *, example: dict[str, Any]) -> dict[str, Any]:
    """A request's body of settings, which may be left out."""
    schema = {"type": "object", "properties": properties}
    return {"requestBody": {"content": {"application/json": {"schema": schema, "example": example}}}}


def json_responses(description: str, example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Of a route that reads settings and needs a key."""
    return {
        200: {
            "description": description,
            "content": {"application/json": {"schema": {"type": "object"}, "example": example}},
        },
        400: _error("A setting makes no sense; error.param says which."),
        401: _error("No valid API key."),
        403: _error("A short-lived credential makes no others."),
        413: _error("The body is larger than settings are."),
    }
