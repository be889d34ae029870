"""Which processes live that take jobs out of one folder: each holds a lock for as long as it does.

The kernel gives a lock back when its process ends, however it ends, also with the machine. So nobody has to say again
and again that he lives, no clock is asked, and what a dead process had in work is known to be free at once. Processes
in different containers see each other's locks as well, as long as the folder is on one machine.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path
from typing import Final

_IN_MAKING: Final = "."


class Runner:
    """This process among those of one folder. No method is for the event loop.

    Attributes:
        name: which no other process has or had.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.name = secrets.token_hex(8)
        self._folder = folder
        # Under its name it has a lock from the first moment on, or others would take it for dead.
        made = folder / f"{_IN_MAKING}{self.name}"
        self._lock: int | None = _locked(made, os.O_CREAT)
        made.rename(folder / self.name)

    def is_dead(self, name: str) -> bool:
        """Whether the process that had this name has ended."""
        if name == self.name:
            return self._lock is None
        place = self._folder / name
        try:
            lock = _locked(place, 0)
        except FileNotFoundError:
            return True
        if lock is None:
            return False
        place.unlink(missing_ok=True)
        os.close(lock)
        return True

    def tidy(self) -> None:
        """Remove what the dead have left."""
        for place in self._folder.iterdir():
            if not place.name.startswith(_IN_MAKING):
                self.is_dead(place.name)

    def close(self) -> None:
        """It takes no more jobs and has none. Harmless when repeated."""
        if self._lock is not None:
            (self._folder / self.name).unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def _locked(place: Path, flags: int) -> int | None:
    """A descriptor that holds the lock of this file; None where another process does. Raises FileNotFoundError."""
    descriptor = os.open(place, os.O_RDWR | flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
