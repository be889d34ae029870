"""What a machine has only so much of: budgets of bytes that requests share, and how much there is."""

from __future__ import annotations

import os
import shutil
import sys
from enum import StrEnum
from errno import EDQUOT, EFBIG, EIO, EMFILE, ENFILE, ENOMEM, ENOSPC
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self

if sys.platform != "win32":
    import resource

_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUP = Path("/proc/self/cgroup")
_ENDLESS = 1 << 60
"""Limits from here on are none: cgroups v1 write the largest number of pages there is."""


class Resource(StrEnum):
    """What runs short."""

    DISK = "disk space"
    MEMORY = "memory"
    DESCRIPTORS = "file descriptors"


_SPENT = {
    ENOSPC: Resource.DISK,
    EDQUOT: Resource.DISK,
    EFBIG: Resource.DISK,
    EIO: Resource.DISK,
    ENOMEM: Resource.MEMORY,
    EMFILE: Resource.DESCRIPTORS,
    ENFILE: Resource.DESCRIPTORS,
}
"""What the system says when something runs short. A disk that breaks shows it by what is written first: bodies."""


def spent_resource(error: BaseException) -> Resource | None:
    """What the system says that there is no more of; None where it says something else."""
    if isinstance(error, MemoryError):
        return Resource.MEMORY
    return _SPENT.get(error.errno or 0) if isinstance(error, OSError) else None


class BudgetSpent(Exception):  # noqa: N818 - a state of the server, not an error of somebody
    """More is wanted of a resource than is left of it. ``message`` is fit for the client's eyes."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.message = f"The server is short of {resource}."
        super().__init__(self.message)


class Budget:
    """So many bytes of something, for everybody. May be used from any thread.

    Attributes:
        resource: what they are of.
        limit: how many there are.
        used: how many of them are taken now.
    """

    def __init__(self, resource: Resource, limit: int) -> None:
        self.resource = resource
        self.limit = limit
        self.used = 0
        self._lock = Lock()

    @property
    def left(self) -> int:
        """Bytes."""
        return self.limit - self.used

    def share(self) -> Share:
        """Of nothing so far."""
        return Share(self)

    def _take(self, octets: int) -> bool:
        with self._lock:
            if self.used + octets > self.limit:
                return False
            self.used += octets
            return True

    def _give_back(self, octets: int) -> None:
        with self._lock:
            self.used -= octets


class Share:
    """What one request has of a budget. Context manager; leaving it gives everything back."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.octets = 0

    def offered(self, octets: int) -> bool:
        """Take so many bytes more, if they are left."""
        taken = self._budget._take(octets)
        self.octets += octets if taken else 0
        return taken

    def take(self, octets: int) -> None:
        """Take so many bytes more. Raises BudgetSpent, and has taken nothing then."""
        if not self.offered(octets):
            raise BudgetSpent(self._budget.resource)

    def give_back(self) -> None:
        """All of it; harmless when repeated."""
        octets, self.octets = self.octets, 0
        self._budget._give_back(octets)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()


def memory_limit(cgroups: Path = _CGROUPS, own: Path = _OWN_CGROUP) -> int:
    """Bytes of memory that this process may have: the machine's, or less where a control group (v1 or v2) says so.

    Args:
        cgroups: where the control groups are mounted. A container often sees its own as the root of all.
        own: which of them this process is in, a line each: ``number:controllers:/path``.
    """
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [physical]
    try:
        lines = own.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return physical
    for line in lines:
        _, controllers, path = line.split(":", 2)
        folder, name = cgroups, "memory.max"
        if "memory" in controllers.split(","):
            folder, name = cgroups / "memory", "memory.limit_in_bytes"
        elif controllers:
            continue
        within = path.strip("/").split("/") if path.strip("/") else []
        places = [folder.joinpath(*within[:depth]) for depth in range(len(within) + 1)]
        limits += [limit for place in places if (limit := _limit_in(place / name)) is not None]
    return min(limits)


def _limit_in(file: Path) -> int | None:
    """None where the file sets no limit, or is none."""
    try:
        text = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() and int(text) < _ENDLESS else None


def free_disk(folder: str) -> int:
    """Bytes that may be written there now."""
    return shutil.disk_usage(folder).free


def raise_descriptor_limit() -> int:
    """Let this process open as many files as its user may at all. Returns how many that are.

    The soft limit of 1024 that most systems start with is there for programs that use ``select``.
    """
    if sys.platform == "win32":
        return 512
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


_MOST_DESCRIPTORS = 1 << 16
"""More are of no use, and some systems say that there are a thousand million."""
