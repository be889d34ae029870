"""Probes and metrics."""

from __future__ import annotations

from typing import Any

from server.http.openapi.answers import answers, json_content
from server.http.openapi.schemas import STRING, Schema, record, ref
from server.version import VERSION

SCHEMAS: dict[str, Schema] = {
    "Status": record(
        {
            "status": {
                "type": "string",
                "description": "`ready`, or why not: `starting`, `restarting`, `draining`, `closed`, `failed`.",
            }
        },
        {
            "reason": {"type": "string", "description": "`/ready`: why the model could not be loaded."},
            "version": {"type": "string", "description": "`/health`: of the server."},
        },
    )
}


def _probe(yes: str, no: str, why: str, more: dict[str, str]) -> dict[str, Any]:
    def said(description: str, status: str) -> dict[str, Any]:
        return {"description": description, "content": json_content(ref("Status"), {"status": status, **more})}

    return {"responses": answers(500, any_name=True, ok=said(yes, "ready")) | {"503": said(no, why)}, "security": []}


HEALTH = _probe("The process is of use.", "Only a restart of the process helps.", "failed", {"version": VERSION})
READY = _probe("Work may be sent here.", "Not now.", "starting", {})
METRICS: dict[str, Any] = {
    "responses": answers(
        401,
        403,
        500,
        ok={
            "description": "Prometheus' text format.",
            "content": {
                "text/plain": {
                    "schema": STRING,
                    "example": "# TYPE vibevoice_ready gauge\nvibevoice_ready 1.0\n",
                }
            },
        },
    )
}
