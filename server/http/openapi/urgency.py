"""How soon a request wants its answer, see ``server.http.urgency``."""

from __future__ import annotations

from typing import Any

from server.http.openapi.schemas import Schema
from server.http.urgency import TIMEOUT_HEADER
from server.protocols.service_tier import SERVICE_TIERS

TIER: Schema = {"type": "string", "enum": list(SERVICE_TIERS)}
TIER_ABOUT = "`priority`: before other requests, for keys that may. In the query it counts before the body is read."

TIMEOUT: dict[str, Any] = {
    "name": TIMEOUT_HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 999_999_999},
    "description": "Seconds from the request's head after which its answer is worth nothing: 504, and no more work.",
    "example": 120,
}
PARAMETERS = [
    TIMEOUT,
    {
        "name": "service_tier",
        "in": "query",
        "required": False,
        "schema": TIER,
        "description": TIER_ABOUT,
        "example": "default",
    },
]
"""Of requests whose other parameters stand in the body."""
