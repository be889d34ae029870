"""Where bodies are kept: small ones in memory, others on the disk, both within budgets."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from threading import Lock
from types import TracebackType
from typing import BinaryIO, Final, Self

from starlette.concurrency import run_in_threadpool

from server.resources import Budget, BudgetSpent, Resource, spent_resource

IN_MEMORY: Final = 1 << 20
"""Bytes of a body that are held in memory; longer ones go to the disk."""
_AT_ONCE: Final = 1 << 18
"""Bytes of a longer one that are gathered before they are written: each time takes a thread."""


class Spool:
    """The bodies of all requests of one application.

    Args:
        disk: for the files in ``folder``.
        memory: for bodies that are short, and for what is held of others.
        folder: by default the system's for temporary files.
    """

    def __init__(self, disk: Budget, memory: Budget, folder: str | None = None) -> None:
        self.disk = disk
        self.memory = memory
        self._folder = folder

    @property
    def used(self) -> int:
        """Bytes on the disk."""
        return self.disk.used

    @property
    def budget(self) -> int:
        """Bytes that there may be on the disk."""
        return self.disk.limit

    def check(self, announced: int) -> None:
        """Raise BudgetSpent where a body of so many bytes finds no room now. Nothing is kept for it."""
        if announced > IN_MEMORY and announced > self.disk.left:
            raise BudgetSpent(Resource.DISK)

    def file(self) -> SpooledFile:
        """A new one."""
        return SpooledFile(self, self._folder)


class SpooledFile:
    """Bytes on their way in; ``opened`` is what they are as a file. Context manager; leaving it gives all back.

    All methods that write raise BudgetSpent, also where the disk itself is full. A task that is cancelled does not wait
    for the thread that writes for it: when the file is closed meanwhile, that thread gives all back.

    Attributes:
        size: bytes so far.
    """

    def __init__(self, spool: Spool, folder: str | None) -> None:
        self.size = 0
        self._folder = folder
        self._held = bytearray()
        self._memory = spool.memory.share()
        self._disk = spool.disk.share()
        self._file: FileIO | None = None
        self._opened: BinaryIO | None = None
        self._lock = Lock()
        self._in_use = self._closed = False

    async def write(self, content: bytes) -> None:
        """The next bytes; beside the event loop where they go to the disk."""
        if not self._hold(content):
            await run_in_threadpool(self.write_in_thread, content)

    def write_in_thread(self, content: bytes) -> None:
        """As `write`, for who is in a thread. Raises ValueError when the file was closed."""
        with self._using():
            if not self._hold(content):
                self._write(content)

    def _hold(self, content: bytes) -> bool:
        """Keep it in memory, if that is where it belongs now and there is some."""
        room = IN_MEMORY if self._file is None else _AT_ONCE
        if len(self._held) + len(content) > room or not self._memory.offered(len(content)):
            return False
        self._held += content
        self.size += len(content)
        return True

    def _write(self, content: bytes) -> None:
        with _full_is_spent():
            self._move_to_disk()
            self._disk.take(len(content))
            assert self._file is not None
            _write_all(self._file, content)
        self.size += len(content)

    def _move_to_disk(self) -> None:
        if self._file is None:
            with tempfile.TemporaryFile(buffering=0, dir=self._folder) as file:
                self._file = FileIO(os.dup(file.fileno()), "r+")
        self._disk.take(len(self._held))
        _write_all(self._file, self._held)
        self._held = bytearray()
        self._memory.give_back()

    def opened(self) -> BinaryIO:
        """The file, at its start; valid until `close`. Nothing more may be written then.

        It has a descriptor wherever its bytes are, so that other processes can read it. Raises ValueError when the file
        was closed.
        """
        if self._opened is None:
            with self._using(), _full_is_spent():
                if self._file is None and sys.platform == "linux":
                    self._file = FileIO(os.memfd_create("body"), "r+")
                    _write_all(self._file, self._held)
                    self._held = bytearray()
                elif self._held or self._file is None:  # there are no files in memory
                    self._move_to_disk()
                assert self._file is not None
                self._opened = open(self._file.fileno(), "rb", closefd=False)  # noqa: SIM115 - closed by `close`
        self._opened.seek(0)
        return self._opened

    def close(self) -> None:
        """Give everything back; harmless when repeated."""
        with self._lock:
            self._closed = True
            if self._in_use:
                return
        self._give_back()

    @contextmanager
    def _using(self) -> Iterator[None]:
        """It is not given back before the end of this, but then if it was closed."""
        with self._lock:
            if self._closed:
                raise ValueError("the body was closed")
            self._in_use = True
        try:
            yield
        finally:
            with self._lock:
                self._in_use = False
                closed = self._closed
            if closed:
                self._give_back()

    def _give_back(self) -> None:
        for file in (self._opened, self._file):
            if file is not None:
                file.close()
        self._held = bytearray()
        self._memory.give_back()
        self._disk.give_back()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _write_all(file: FileIO, content: bytes | bytearray) -> None:
    """At its end; a single call may write less."""
    with memoryview(content) as left:
        written = 0
        while written < len(left):
            written += file.write(left[written:])


@contextmanager
def _full_is_spent() -> Iterator[None]:
    """A full disk is a budget that was too large."""
    try:
        yield
    except OSError as error:
        if (resource := spent_resource(error)) is None:
            raise
        raise BudgetSpent(resource) from error
