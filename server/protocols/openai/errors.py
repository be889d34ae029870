"""What is wrong with a request, before anybody thinks of how it came."""

from __future__ import annotations


class InvalidParameter(Exception):  # noqa: N818 - it is the parameter that is invalid
    """A parameter that cannot be honoured. ``message`` is a sentence for the person who made the request."""

    def __init__(self, param: str, message: str, code: str = "invalid_value") -> None:
        super().__init__(message)
        self.param = param
        self.message = message
        self.code = code
