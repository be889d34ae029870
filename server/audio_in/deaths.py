"""Decoders that ended before their answer: why, how often, and what that says about the audio."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final

from server.audio_in.errors import AudioError, AudioErrorCode, DecoderFailed

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 2
"""Processes that get to see the same audio."""


class DeathReason(StrEnum):
    """Why a decoder ended before its answer."""

    KILLED = "killed"
    """By a signal from outside: the system was short of memory, or somebody's hand."""
    HUNG = "hung"
    """It neither answered nor computed, and was killed for that."""
    CRASHED = "crashed"
    """By what it did itself: memory that is not its own, an abort, an exception, or it said what cannot be."""
    START_FAILED = "start_failed"
    """It never came up."""


_OWN_DOING = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGFPE, signal.SIGILL, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}
)
"""Signals that end a process for what it did. Others come from outside."""


def reason_of(status: int) -> DeathReason:
    """``status``: how the process ended, as `subprocess.Popen.returncode` has it."""
    outside = status < 0 and -status not in _OWN_DOING
    return DeathReason.KILLED if outside else DeathReason.CRASHED


class DecoderDied(Exception):  # noqa: N818 - what it means for the request depends on what another process does
    """The process ended before its answer."""

    def __init__(self, reason: DeathReason, last_words: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.last_words = last_words


class DecoderDeaths:
    """How many decoders of one application died. From any thread."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(map(str, DeathReason), 0)
        self._lock = threading.Lock()

    def note(self, death: DecoderDied) -> None:
        """Count and log it."""
        with self._lock:
            self._counts[death.reason] += 1
        fields = {"reason": str(death.reason)}
        if death.last_words:
            fields["last_words"] = death.last_words
        logger.warning("decoder died", extra={"fields": fields})

    @property
    def counts(self) -> Mapping[str, int]:
        """For each `DeathReason`, by its value."""
        return MappingProxyType(self._counts)


def verdict(deaths: Sequence[DecoderDied]) -> AudioError | DecoderFailed:
    """What is told when no further process gets to see the audio.

    Audio that makes every process crash is damaged. A process that was killed, that hung or never came up says nothing
    about it, not even if another one crashed: who sent it may send it again.
    """
    if all(death.reason is DeathReason.CRASHED for death in deaths):
        return AudioError(AudioErrorCode.CORRUPT_AUDIO, "The audio is damaged: decoding it failed.")
    return DecoderFailed("The audio could not be decoded: the process for it died. Try again.")


NO_FILTER: Final = "the kernel takes no filter of system calls (seccomp): decoders run without one"


@cache
def warn_of_missing_filter() -> None:
    """Say once what `seccomp` could not do."""
    logger.warning(NO_FILTER)
