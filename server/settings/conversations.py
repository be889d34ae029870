"""What is kept of conversations about recordings between their turns."""

from __future__ import annotations

from pydantic import BaseModel, Field


class ConversationSettings(BaseModel):
    """What is kept of conversations about recordings between their turns."""

    kept_conversations: int = Field(
        16,
        ge=0,
        description="How many conversations (/v1/chat/completions) keep what was heard of their recording for the next "
        "turn, as long as nobody else needs the room; 0 keeps nothing.",
    )
    kept_conversation_minutes: float = Field(
        10.0, gt=0, allow_inf_nan=False, description="Minutes without a turn after which it is forgotten."
    )
