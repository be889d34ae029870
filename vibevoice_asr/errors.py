"""What may go wrong, in one error for callers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from server.http.errors import to_api_error
from server.in_process import NotLoaded
from server.protocols.openai.errors import InvalidParameter
from server.recordings import errors

_EXPECTED = (
    InvalidParameter,
    errors.AudioError,
    errors.BudgetSpent,
    errors.ContextTooLong,
    errors.DecodeStopped,
    errors.DecoderFailed,
    errors.EngineError,
    errors.EngineUnavailable,
    errors.NotOfThisModel,
    errors.Overloaded,
    errors.UnevenSegment,
    errors.UnusableReference,
)


class TranscriptionError(Exception):
    """A recording cannot be transcribed, or the model cannot be had.

    Attributes:
        message: a sentence for people.
        code: machine-readable reason, as the server's API has it (``docs/api.md``): ``unsupported_format``,
            ``audio_too_long``, ``context_too_long``, ...; ``model_not_loaded`` where there is no model.
        option: the option at fault, where one is.
        retry_after: seconds after which another try may go well; None where it would not.
    """

    def __init__(
        self, message: str, code: str | None = None, option: str | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.option = option
        self.retry_after = retry_after


@contextmanager
def told() -> Iterator[None]:
    """What is known to go wrong leaves as TranscriptionError; what nobody expected stays what it is."""
    try:
        yield
    except NotLoaded as error:
        raise TranscriptionError(error.message, "model_not_loaded") from error
    except _EXPECTED as error:
        told = to_api_error(error)
        raise TranscriptionError(told.message, told.code, told.param, told.retry_after) from error
