"""The recordings of jobs, a file each beside the tables."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from time import time
from typing import BinaryIO, Final

from server.resources import BudgetSpent, spent_resource

_AT_ONCE: Final = 1 << 20
_FOREIGN_SECONDS: Final = 3600.0
"""A file without a job is as old as this before it is taken for one that a dead process left."""


class RecordingFiles:
    """The files in ``folder``, named as their jobs. No method is for the event loop.

    ``keeps``: also those of jobs that have ended.
    """

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        self._folder = folder
        self._keeps = keeps
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def keep(self, job: str, recording: BinaryIO) -> int:
        """Copy a recording to where it outlives everybody. Returns how many bytes it has.

        It is on the disk, and so is its name, when this returns. Raises BudgetSpent where the disk is full.
        """
        place = self._folder / job
        try:
            with place.open("xb", buffering=0) as file:
                octets = _copy(recording, file.fileno())
                os.fsync(file.fileno())
            _sync_names(self._folder)
        except OSError as error:
            place.unlink(missing_ok=True)
            if (resource := spent_resource(error)) is None:
                raise
            raise BudgetSpent(resource) from error
        return octets

    def open(self, job: str) -> BinaryIO:
        """Raises FileNotFoundError."""
        return (self._folder / job).open("rb")

    def drop(self, job: str) -> None:
        """Harmless when repeated. Who has it open reads on."""
        (self._folder / job).unlink(missing_ok=True)

    def let_go(self, job: str) -> None:
        """The job has ended. Harmless when repeated."""
        if not self._keeps:
            self.drop(job)

    def drop_others(self, than: Collection[str]) -> None:
        """Files that no job is named as, and that nobody can be copying any more."""
        for place in self._folder.iterdir():
            with suppress(FileNotFoundError):
                if place.name not in than and time() - place.stat().st_mtime > _FOREIGN_SECONDS:
                    place.unlink()


def _copy(recording: BinaryIO, to: int) -> int:
    """From a seekable file, by the kernel where it can: file systems that share blocks copy nothing then."""
    recording.seek(0, os.SEEK_END)
    size = recording.tell()
    recording.seek(0)
    done = 0
    with suppress(OSError, AttributeError):  # other file systems, and systems that have no such call
        while done < size and (count := os.copy_file_range(recording.fileno(), to, size - done, done, done)):
            done += count
    recording.seek(done)
    os.lseek(to, done, os.SEEK_SET)
    while block := recording.read(_AT_ONCE):
        with memoryview(block) as left:
            written = 0
            while written < len(left):
                written += os.write(to, left[written:])
        done += len(block)
    return done


def _sync_names(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
