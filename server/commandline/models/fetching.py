"""A checkpoint on its way from the hub, with a bar."""

from __future__ import annotations

import sys
from pathlib import Path

from model.errors import StartError
from model.loading.pulling import pull
from model.loading.source import TINY
from server.commandline.faults import Fault
from server.commandline.settings import settings_of


def fetched(name: str | None, revision: str | None, *, quiet: bool) -> Path:
    """The folder of a checkpoint that is whole. Raises Fault."""
    settings = settings_of({"model": name, "revision": revision})
    if settings.model == "tiny":
        return TINY
    if Path(settings.model).is_dir():
        raise Fault(f"{settings.model} is a folder: there is nothing to fetch.")
    bar = _Bar(settings.model, quiet=quiet)
    try:
        return pull(settings.model, settings.revision, bar.tell)
    except StartError as error:
        raise Fault(str(error)) from None
    finally:
        bar.close()


class _Bar:
    """A bar in a terminal; in a log a line for every tenth."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._terminal = sys.stderr.isatty()
        self._quiet = quiet
        self._name = name
        self._line = ""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
        )
        self._bars = Progress(
            *columns, console=Console(stderr=True), transient=True, disable=quiet or not self._terminal
        )
        self._bars.start()
        self._task = self._bars.add_task(f"{name}: fetching", total=None)

    def tell(self, doing: str, done: int, total: int | None) -> None:
        """See `Tell`."""
        self._bars.update(self._task, description=f"{self._name}: {doing}", completed=done, total=total)
        share = "" if not total else f", {10 * done // total}0 % of {total / (1 << 30):.2f} GiB"
        line = f"{self._name}: {doing}{share}"
        if line != self._line and not self._terminal and not self._quiet:
            sys.stderr.write(f"{line}\n")
        self._line = line

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._bars.stop()
