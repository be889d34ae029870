"""Files of a hub repository, fetched into the local cache, or an error that says what an operator can do.

A hub that is busy, or a network that hiccups, is asked again a few times and is an error that may pass; everything
else is told at once. ``HF_ENDPOINT``, ``HF_HOME``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE`` mean what they mean to
huggingface_hub.
"""

from __future__ import annotations

import errno
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from model.errors import CheckpointError

logger = logging.getLogger(__name__)

SMALL_FILES = ("*.json", "*.jinja", "*.txt")
"""Everything of a checkpoint but its weights."""

DELAYS = (1.0, 4.0, 15.0, 30.0)
"""Seconds between one attempt and the next."""

_LONGEST_DELAY = 60.0
"""Seconds that the hub may ask for and get."""

_NETWORK_ERROR = next(base for base in HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
"""What the HTTP client raises; which client it is depends on the version of huggingface_hub."""

_BUSY = {408, 425, 429, 500, 502, 503, 504}
_FULL = {errno.ENOSPC, errno.EDQUOT}


class Repository:
    """One revision of a repository. ``fetch`` fixes the commit at its first call, so that all files are of one."""

    def __init__(self, name: str, revision: str | None = None, *, delays: Sequence[float] = DELAYS) -> None:
        self.name = name
        self._revision = revision
        self._commit: str | None = None
        self._delays = delays

    def fetch(self, patterns: Sequence[str]) -> Path:
        """The local folder of this revision with all files that match ``patterns``, where the repository has them.

        Raises CheckpointError; one that is not permanent only after several attempts.
        """
        delays = iter(self._delays)
        while True:
            try:
                folder = Path(
                    snapshot_download(self.name, revision=self._commit or self._revision, allow_patterns=list(patterns))
                )
            except Exception as error:  # what comes depends on the hub, the network, the disk and their libraries
                told = self._explain(error)
                delay = None if told.permanent else next(delays, None)
                if delay is None:
                    raise told from error
                delay = max(delay, _delay_asked_for(error))
                logger.warning("%s Asked again in %.0f s.", told, delay)
                time.sleep(delay)
            else:
                self._commit = folder.name
                return folder

    def _explain(self, error: Exception) -> CheckpointError:
        causes = list(_causes(error))[::-1]
        if any(_is_full_disk(cause) for cause in causes):
            return full_disk(f"Checkpoint {self.name!r}")
        # What the hub answered tells most, then what is farthest down; the library's own words about it come last.
        for cause in sorted(causes, key=lambda cause: not isinstance(cause, HfHubHTTPError)):
            if (told := self._explain_one(cause)) is not None:
                return told
        return CheckpointError(f"Checkpoint {self.name!r} could not be fetched: {_first_line(error)}", permanent=False)

    def _explain_one(self, error: BaseException) -> CheckpointError | None:
        match error:
            case HFValidationError():
                return CheckpointError(f"{self.name!r} is neither a folder nor the id of a hub repository.")
            case OfflineModeIsEnabled():
                return self._unreachable("HF_HUB_OFFLINE is set", permanent=True)
            case GatedRepoError():
                return CheckpointError(
                    f"Checkpoint {self.name!r} is given only to those who accept its terms: accept them on "
                    f"{constants.ENDPOINT}/{self.name} and set HF_TOKEN to a token of that account."
                )
            case RevisionNotFoundError():
                return CheckpointError(f"Checkpoint {self.name!r} has no revision {self._revision!r} on the hub.")
            case RepositoryNotFoundError():
                return CheckpointError(
                    f"The hub has no checkpoint {self.name!r} that may be read: check its name, and set HF_TOKEN if "
                    "it is private."
                )
            case HfHubHTTPError():
                return self._refused(error.response.status_code)
            case PermissionError():
                return CheckpointError(
                    f"The cache {constants.HF_HUB_CACHE} cannot be written ({error}): give the server the right to, "
                    "or set HF_HOME to another folder."
                )
            case ConnectionError() | TimeoutError():
                return self._unreachable(_first_line(error), permanent=False)
            case _ if isinstance(error, _NETWORK_ERROR):
                return self._unreachable(_first_line(error) or type(error).__name__, permanent=False)
        return None

    def _refused(self, status: int) -> CheckpointError:
        if status in _BUSY:
            return CheckpointError(f"The hub is busy ({status} for {self.name!r}).", permanent=False)
        if status in (401, 403):
            return CheckpointError(
                f"The hub refuses to give {self.name!r} ({status}): set HF_TOKEN to a valid token that may read it."
            )
        return CheckpointError(f"The hub does not give {self.name!r} (it answers {status}).")

    def _unreachable(self, why: str, *, permanent: bool) -> CheckpointError:
        return CheckpointError(
            f"Checkpoint {self.name!r} is not in the local cache and the hub cannot be reached ({why}). Download it "
            f"on a machine with network (`hf download {self.name}`) and give its folder instead, or start with the "
            "bundled checkpoint `tiny`.",
            permanent=permanent,
        )


def full_disk(what: str, needed: int | None = None, free: int | None = None) -> CheckpointError:
    """The error for a cache without room; ``needed`` and ``free`` in bytes, where known."""
    sizes = "" if needed is None or free is None else f" ({needed / 2**30:.1f} GiB to fetch, {free / 2**30:.1f} free)"
    return CheckpointError(
        f"{what} does not fit the disk of the cache {constants.HF_HUB_CACHE}{sizes}: make room, or set HF_HOME to a "
        "folder on a larger disk."
    )


def _is_full_disk(error: BaseException) -> bool:
    """Also from libraries that download in their own threads and pass on the text alone."""
    return (isinstance(error, OSError) and error.errno in _FULL) or "No space left on device" in str(error)


def _delay_asked_for(error: BaseException) -> float:
    for cause in _causes(error):
        if isinstance(cause, HfHubHTTPError) and (value := cause.response.headers.get("Retry-After", "")).isdigit():
            return min(float(value), _LONGEST_DELAY)
    return 0.0


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, outermost first."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
