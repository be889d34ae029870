"""Why a voice encoder cannot be used."""

from __future__ import annotations


class UnusableVoiceEncoder(Exception):  # noqa: N818 - what is wrong is the file
    """``message`` says what a file is, and what it would have to be; fit for whoever starts the server."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
