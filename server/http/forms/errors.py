"""What may be wrong with a form."""

from __future__ import annotations


class InvalidForm(Exception):  # noqa: N818 - as the code that clients are told
    """The body is no form that can be read. ``message`` is a sentence for whoever sent it."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
