"""What is wrong with a client's event, in the words of OpenAI's ``error`` event."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from server.live.vocabulary.protocol import SessionEnd

_CODES = {"missing": "missing_required_parameter"}
_TYPES = {
    SessionEnd.ENGINE_FAILED: "server_error",
    SessionEnd.SHUTTING_DOWN: "server_error",
    SessionEnd.LIMIT_REACHED: "rate_limit_error",
}


class EventError(Exception):
    """A client event that cannot be honoured. The session goes on.

    Attributes:
        message: a sentence for the person who wrote the client.
        code: machine-readable reason.
        param: path of the field at fault, e.g. ``session.audio.input.turn_detection.threshold``, or None.
    """

    def __init__(self, message: str, *, code: str = "invalid_value", param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param

    @classmethod
    def from_validation(cls, error: ValidationError) -> EventError:
        """The first complaint, without the value that caused it."""
        first = error.errors(include_input=False, include_url=False)[0]
        param = ".".join(map(str, first["loc"]))
        wrong_type = "invalid_type" if first["type"].endswith("_type") else "invalid_value"
        return cls(f"{param}: {first['msg']}.", code=_CODES.get(first["type"], wrong_type), param=param)

    def details(self, event_id: str | None) -> dict[str, Any]:
        """The ``error`` field; ``event_id`` is what the client called its event."""
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        }


def end_details(why: SessionEnd, message: str) -> dict[str, Any]:
    """The ``error`` field, also of failed items, when the server ends the session."""
    return {
        "type": _TYPES.get(why, "invalid_request_error"),
        "code": "session_expired" if why is SessionEnd.TOO_LONG else why.value,
        "message": message,
        "param": None,
    }
