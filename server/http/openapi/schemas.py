"""Words for JSON Schema, so that a schema reads like the answer it describes."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
BOOLEAN: Schema = {"type": "boolean"}
SECONDS: Schema = {"type": "number", "minimum": 0, "description": "Seconds from the start of the recording."}


def ref(name: str) -> Schema:
    """A schema among the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def listing(items: Schema, description: str | None = None) -> Schema:
    """A list of ``items``."""
    return {"type": "array", "items": items} | ({"description": description} if description else {})


def const(value: str) -> Schema:
    """This text and no other."""
    return {"type": "string", "const": value}


def nullable(kind: str, description: str | None = None) -> Schema:
    """A value of a type, or null."""
    return {"type": [kind, "null"]} | ({"description": description} if description else {})


def record(required: dict[str, Schema], optional: dict[str, Schema] | None = None, about: str | None = None) -> Schema:
    """An object with these properties."""
    properties = required | (optional or {})
    schema: Schema = {"type": "object", "required": list(required), "properties": properties}
    return schema | ({"description": about} if about else {})
