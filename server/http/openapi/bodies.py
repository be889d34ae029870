"""Bodies of requests that bring a recording and parameters: a form, or JSON."""

from __future__ import annotations

import base64
from typing import Any

from pydantic import BaseModel

from server.http.openapi.schemas import Schema, record

RECORDING = "RIFF..."
"""Stands for a recording in examples."""
_FILE = {"type": "string", "contentMediaType": "application/octet-stream", "description": "The recording."}
_INPUT_AUDIO = record(
    {"data": {"type": "string", "contentEncoding": "base64", "description": "The recording."}},
    {"format": {"type": "string", "description": "Not looked at: a file says what it is."}},
    "The recording. `file` with base64 is taken too.",
)


def parameter_schemas(parameters: type[BaseModel]) -> dict[str, Schema]:
    """What the schemas of parameters refer to, for the components."""
    found: dict[str, Schema] = _schema(parameters).get("$defs", {})
    return found


def present_fields(parameters: type[BaseModel]) -> dict[str, Schema]:
    """The parameters by name."""
    return {name: _present(schema) for name, schema in _schema(parameters)["properties"].items()}


def recording_body(parameters: type[BaseModel], examples: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """A request's body.

    Args:
        parameters: beside the recording.
        examples: values of some, by what they are good for.
    """
    fields = present_fields(parameters)
    audio = {"data": base64.b64encode(RECORDING.encode()).decode(), "format": "wav"}
    form = {about: {"value": {"file": RECORDING} | values} for about, values in examples.items()}
    plain = {about: {"value": {"input_audio": audio} | values} for about, values in examples.items()}
    content = {
        "multipart/form-data": {"schema": record({"file": _FILE}, fields), "examples": form},
        "application/json": {"schema": record({"input_audio": _INPUT_AUDIO}, fields), "examples": plain},
    }
    return {"requestBody": {"required": True, "content": content}}


def _schema(parameters: type[BaseModel]) -> dict[str, Any]:
    return parameters.model_json_schema(ref_template="#/components/schemas/{model}")


def _present(schema: Schema) -> Schema:
    """Of a parameter that is there: what is absent is left out, and there is no null."""
    kept: Schema = {key: value for key, value in schema.items() if key != "title" and value is not None}
    if kept.get("type") == "array" and "maxLength" in kept:
        kept["maxItems"] = kept.pop("maxLength")  # pydantic takes a list behind a validator for a text
    choices = [choice for choice in kept.pop("anyOf", []) if choice != {"type": "null"}]
    if len(choices) == 1 and "$ref" not in choices[0]:
        return {**choices[0], **kept}
    return ({"anyOf": choices} if choices else {}) | kept
