"""What Transformers says while it reads a checkpoint, in one line of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging as transformers_logging

from model.errors import CheckpointError, is_out_of_memory


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn whatever a library says about a file into a CheckpointError of one line."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # libraries raise what they like about files they do not like
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{what}: {reason[:500]}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without Transformers' own reports of what it reads, which run over many lines; its errors are told anyway."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
