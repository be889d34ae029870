"""What a Flux client may say, and what a session answers beside ``TurnInfo``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic_core import from_json

from server.live.vocabulary.protocol import SessionEnd
from server.live.vocabulary.resumption import REFUSALS, Refusal
from server.protocols.deepgram.alternatives import JsonObject
from server.protocols.flux.configuration import Configuration

MESSAGES = frozenset({"CloseStream", "Configure", "ForceEndTurn", "KeepAlive", "Resume"})
"""Flux itself has no ``KeepAlive``; clients that keep ``/v1/listen`` alive send it here too."""

_CODES = {
    SessionEnd.ENGINE_FAILED: "INTERNAL_SERVER_ERROR",
    SessionEnd.SHUTTING_DOWN: "SERVER_SHUTTING_DOWN",
    SessionEnd.IDLE: "CLIENT_IDLE",
    SessionEnd.TOO_LONG: "SESSION_TOO_LONG",
    SessionEnd.TOO_SLOW: "CLIENT_TOO_SLOW",
    SessionEnd.BAD_AUDIO: "UNDECODABLE_AUDIO",
    SessionEnd.LIMIT_REACHED: "TOO_MANY_REQUESTS",
}


def read_message(text: str) -> Mapping[str, Any] | None:
    """A client's text frame; None where it is none of ``MESSAGES``."""
    try:
        message = from_json(text)
    except ValueError:
        return None
    known = isinstance(message, dict) and isinstance(kind := message.get("type"), str) and kind in MESSAGES
    return message if known else None


def unreadable() -> JsonObject:
    """The answer to a text frame that cannot be understood: the last one of the session."""
    return _error(
        "UNPARSABLE_CLIENT_MESSAGE", f"A text message must be JSON with one of the types {', '.join(sorted(MESSAGES))}."
    )


def ended(why: SessionEnd, message: str) -> JsonObject:
    """Why the server ends the session."""
    return _error(_CODES[why], message)


def not_resumed(why: Refusal) -> JsonObject:
    """The answer to a ``Resume`` that cannot be granted."""
    return _error(why.value.upper(), REFUSALS[why])


def configured(configuration: Configuration) -> JsonObject:
    """The answer to ``Configure``: all that holds from now on."""
    thresholds = {name: value for name, value in asdict(configuration.thresholds).items() if value is not None}
    answer: JsonObject = {
        "type": "ConfigureSuccess",
        "thresholds": thresholds,
        "keyterms": configuration.keyterms,
        "numerals": configuration.numerals,
    }
    return answer | {"language_hints": configuration.language_hints} if configuration.language_hints else answer


def not_configured(code: str, description: str) -> JsonObject:
    """The answer to a ``Configure`` that cannot be honoured; nothing has changed."""
    return {"type": "ConfigureFailure", "code": code, "description": description}


def _error(code: str, description: str) -> JsonObject:
    return {"type": "Error", "code": code, "description": description}
