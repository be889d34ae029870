"""What a caller of the engine can hear instead of an answer."""

from __future__ import annotations

from server.engine.messages import FailureCode


class EngineError(Exception):
    """A stream ended without its answer. ``message`` is fit for the client's eyes."""

    def __init__(self, code: FailureCode, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class EngineUnavailable(Exception):  # noqa: N818 - a state of the engine, not an error of somebody
    """The engine is starting, restarting, failed or closed. ``retry_after``: seconds until it may have changed."""

    def __init__(self, retry_after: float, message: str) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        self.message = message
