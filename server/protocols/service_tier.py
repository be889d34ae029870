"""Whether a request goes before others, in OpenAI's words: ``service_tier``, also in the query of Deepgram's."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator

ServiceTier = Annotated[
    Literal["auto", "default", "flex", "priority"],
    BeforeValidator(lambda value: value.strip().lower() if isinstance(value, str) else value),
]
SERVICE_TIERS: Final = ("auto", "default", "flex", "priority")


def is_urgent(tier: str | None) -> bool:
    """Only ``priority`` goes first; ``flex``, which is cheaper and slower at OpenAI, is as good as the others here."""
    return tier == "priority"
