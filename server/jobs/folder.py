"""The folder with everything that is kept of jobs, and the thread that is let near it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ParamSpec, TypeVar

from server.jobs.database import Database
from server.jobs.files import RecordingFiles
from server.jobs.runners import Runner
from server.jobs.schema import WrongSchema
from server.jobs.store import JobStore
from server.jobs.webhooks.outbox import Outbox
from server.jobs.work import Work

P = ParamSpec("P")
T = TypeVar("T")


class UnusableFolder(Exception):  # noqa: N818 - it is the folder that is of no use
    """No jobs can be kept in it; says why, for the operator's eyes."""


def check_folder(folder: Path) -> None:
    """Open and close it, for who wants to know whether that can be done. Raises UnusableFolder."""
    try:
        opened = JobFolder(folder, "", float)
    except WrongSchema as error:
        raise UnusableFolder(str(error)) from None
    except OSError as error:
        raise UnusableFolder(f"{folder} cannot be used: {error.strerror}: {error.filename}") from None
    except sqlite3.Error as error:
        raise UnusableFolder(f"{folder / 'jobs.db'} cannot be used: {error}") from None
    asyncio.run(opened.close())


class JobFolder:
    """The jobs in a folder, which several processes of one machine may share. Blocks; for any thread.

    It cannot lie on a network's file system: processes of several machines have no memory in common, which SQLite's
    write-ahead log needs.

    Args:
        folder: made where it is not there.
        model: that this process has.
        clock: Unix time in seconds.
        keeps_recordings: of jobs that have ended, as long as what came of them.

    Attributes:
        recordings, store, work, outbox: what is in it; all but the first only by `do`.
        runner: this process among those that share it.

    Raises OSError, sqlite3.Error, WrongSchema.
    """

    def __init__(self, folder: Path, model: str, clock: Callable[[], float], *, keeps_recordings: bool = False) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._database = Database(folder / "jobs.db", clock, keeps_recordings=keeps_recordings)
        self._thread = ThreadPoolExecutor(1, "jobs")
        self.recordings = RecordingFiles(folder / "recordings", keeps=keeps_recordings)
        self.runner = Runner(folder / "runners")
        self.store = JobStore(self._database)
        self.work = Work(self._database, self.runner.name, model)
        self.outbox = Outbox(self._database)

    async def do(self, what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In the one thread, in the order of the calls. Once begun it is done, whoever waits for it or not."""
        return await asyncio.wrap_future(self._thread.submit(what, *args, **kwargs))

    async def close(self) -> None:
        """Nothing is asked any more. Harmless when repeated."""
        await asyncio.to_thread(self._thread.shutdown)
        self._database.close()
        self.runner.close()
