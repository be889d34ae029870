"""What may be wrong with a form."""

from __future__ import annotations


class InvalidForm(Exception):  # noqa: N818 - as the code that clients are told
    """The body is no form that can be read.

    Attributes:
        message: a sentence for whoever sent it.
        too_long: the name of the field that is longer, or one more, than may be; None where something else is wrong.
    """

    def __init__(self, message: str, *, too_long: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.too_long = too_long
