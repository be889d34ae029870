"""What is asked of OpenAI's routes for client secrets, and what they answer; how secrets are made is not known here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from server.context import ContextRoom
from server.protocols.openai.realtime.config import SessionConfig
from server.protocols.openai.realtime.schemas import Fields, SessionFields, checked

DEFAULT_SECONDS: Final = 600
MIN_SECONDS: Final = 10
MAX_SECONDS: Final = 7_200
"""How long a secret may be good for, as OpenAI has it."""


class _ExpiresAfter(Fields):
    anchor: Literal["created_at"] | None = None
    seconds: Annotated[int, Field(ge=MIN_SECONDS, le=MAX_SECONDS)] | None = None


class _Request(Fields):
    """Of ``client_secrets``."""

    expires_after: _ExpiresAfter | None = None
    session: SessionFields | None = None


class _FlatSecret(Fields):
    """The older routes have named the same field in two ways."""

    expires_after: _ExpiresAfter | None = None
    expires_at: _ExpiresAfter | None = None


class _FlatRequest(SessionFields):
    """Of the older routes: the session itself, with the secret among its fields."""

    client_secret: _FlatSecret | None = None


@dataclass(frozen=True, slots=True)
class SecretRequest:
    """A secret that is asked for.

    Attributes:
        seconds: how long it is to be good for.
        session: what a session begun with it is configured with; as updates have it.
        config: what that makes of a session.
    """

    seconds: int
    session: SessionFields
    config: SessionConfig

    @classmethod
    def parse(cls, body: dict[str, Any], served_model: str, room: ContextRoom) -> SecretRequest:
        """Of ``POST /v1/realtime/client_secrets``. Raises EventError, as the other one does."""
        request = checked(_Request, body)
        return cls._of(request.expires_after, request.session or SessionFields(), served_model, room)

    @classmethod
    def parse_flat(cls, body: dict[str, Any], served_model: str, room: ContextRoom) -> SecretRequest:
        """Of ``POST /v1/realtime/transcription_sessions`` and ``/sessions``."""
        request = checked(_FlatRequest, body)
        secret = request.client_secret or _FlatSecret()
        return cls._of(secret.expires_after or secret.expires_at, checked(SessionFields, body), served_model, room)

    @classmethod
    def _of(
        cls, expires: _ExpiresAfter | None, session: SessionFields, served_model: str, room: ContextRoom
    ) -> SecretRequest:
        seconds = DEFAULT_SECONDS if expires is None or expires.seconds is None else expires.seconds
        return cls(seconds, session, SessionConfig(served_model).updated(session, room))

    def answer(self, session_id: str, secret: str, expires_at: int) -> dict[str, Any]:
        """Of ``client_secrets``. ``expires_at``: Unix time."""
        return {"value": secret, "expires_at": expires_at, "session": self.config.echo(session_id)}

    def flat_answer(self, session_id: str, secret: str, expires_at: int) -> dict[str, Any]:
        """Of the older routes."""
        return self.config.flat_echo(session_id, {"value": secret, "expires_at": expires_at})
