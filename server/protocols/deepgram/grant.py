"""What is asked of Deepgram's route for temporary tokens, and what it answers."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.protocols.deepgram.audio_query import InvalidQuery

DEFAULT_SECONDS: Final = 30.0
MAX_SECONDS: Final = 3_600.0
"""How long a token may be good for, as Deepgram has it."""


class _Request(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)

    ttl_seconds: Annotated[float, Field(ge=1, le=MAX_SECONDS)] | None = None


def seconds_of(body: dict[str, Any]) -> float:
    """How long the token is to be good for. Raises InvalidQuery."""
    try:
        asked = _Request.model_validate(body).ttl_seconds
    except ValidationError:
        raise InvalidQuery(f"ttl_seconds has to be a number from 1 to {MAX_SECONDS:g}.") from None
    return DEFAULT_SECONDS if asked is None else asked


def answer(token: str, seconds: float) -> dict[str, Any]:
    """The token, and after how many seconds it is void."""
    return {"access_token": token, "expires_in": int(seconds) if seconds.is_integer() else seconds}
