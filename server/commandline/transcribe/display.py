"""How far everything is, on the standard error: bars in a terminal, lines in a log, nothing where nothing is wanted."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG_SECONDS = 30.0
"""After so long a log says again how far everything is, so that nobody takes it for dead."""


@dataclass(slots=True)
class Row:
    """How far one recording is; a `Watcher`. Times in seconds.

    Attributes:
        doing: what is done with it, or why nothing is.
        done, seconds: of the recording, transcribed and in all; 0 as long as they are not known.
        began: when its transcription began.
    """

    name: str
    display: Display
    doing: str = "waiting"
    done: float = 0.0
    seconds: float = 0.0
    share: float = 0.0
    began: float | None = None
    first: float = field(default_factory=monotonic)

    def sending(self, share: float) -> None:
        """See Watcher."""
        self.doing, self.share = ("sending" if share < 1 else "reading"), share
        self.display.changed(self)

    def heard(self, done: float, seconds: float) -> None:
        """See Watcher."""
        if self.began is None:
            self.began = monotonic()
        self.doing, self.done, self.seconds = "transcribing", done, seconds
        self.display.changed(self)

    def waiting(self, why: str) -> None:
        """See Watcher."""
        self.doing, self.began = why, None
        self.display.changed(self)
        self.display.say(f"{self.name}: {why}", detail=True)

    @property
    def speed(self) -> float | None:
        """Seconds of the recording in a second, since its transcription began."""
        spent = 0.0 if self.began is None else monotonic() - self.began
        return self.done / spent if self.done and spent > 0 else None

    @property
    def left(self) -> float | None:
        """Seconds until it should be done."""
        return None if self.speed is None else (self.seconds - self.done) / self.speed

    def __str__(self) -> str:
        if not self.seconds:
            return self.doing if self.doing != "sending" else f"sending, {self.share:.0%}"
        told = f"{clock(self.done)} of {clock(self.seconds)}"
        if self.speed is not None and self.left is not None:
            told += f", {self.speed:.1f}x, {clock(self.left)} left"
        return told


def clock(seconds: float) -> str:
    """``1:05``, ``2:03:04``."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}" if minutes >= 60 else f"{minutes}:{rest:02}"


class Display(Protocol):
    """Where it is shown."""

    def begin(self, name: str) -> Row:
        """A recording is in work."""
        ...

    def changed(self, row: Row) -> None:
        """It went on."""
        ...

    def end(self, row: Row, told: str) -> None:
        """Nothing more is done for it."""
        ...

    def say(self, text: str, *, detail: bool = False) -> None:
        """A line. ``detail``: for who wants more."""
        ...

    def failed(self, text: str) -> None:
        """What went wrong, which is said in any case."""
        ...

    def report(self) -> None:
        """Comes every `LOG_SECONDS`."""
        ...

    def close(self) -> None:
        """Leave the terminal as it was."""
        ...


class LogDisplay:
    """Lines. ``quiet``: none; ``verbose``: details too."""

    def __init__(self, *, quiet: bool, verbose: bool) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._rows: dict[int, Row] = {}

    def begin(self, name: str) -> Row:
        """See Display, as of the others."""
        row = Row(name, self)
        self._rows[id(row)] = row
        return row

    def changed(self, row: Row) -> None: ...

    def end(self, row: Row, told: str) -> None:
        self._rows.pop(id(row), None)
        if told:
            self.say(told)

    def say(self, text: str, *, detail: bool = False) -> None:
        if not self._quiet and (self._verbose or not detail):
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def failed(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def report(self) -> None:
        for row in self._rows.values():
            self.say(f"{row.name}: {row}")

    def close(self) -> None: ...


class TerminalDisplay:
    """A bar for each recording in work; what is done scrolls away above them."""

    def __init__(self, *, verbose: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

        self._verbose = verbose
        self._console = Console(stderr=True, highlight=False, markup=False)
        self._bars: Progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[told]}", markup=False),
            console=self._console,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),  # elsewhere what is printed is nothing for this terminal
        )
        self._tasks: dict[int, TaskID] = {}
        self._bars.start()

    def begin(self, name: str) -> Row:
        """See Display, as of the others."""
        row = Row(name, self)
        self._tasks[id(row)] = self._bars.add_task(name, total=None, told=row.doing)
        return row

    def changed(self, row: Row) -> None:
        task = self._tasks.get(id(row))
        if task is None:
            return
        if row.seconds:
            self._bars.update(task, total=row.seconds, completed=row.done, told=str(row))
        else:
            total = 1.0 if row.doing == "sending" else None
            self._bars.update(task, total=total, completed=row.share, told=str(row))

    def end(self, row: Row, told: str) -> None:
        if (task := self._tasks.pop(id(row), None)) is not None:
            self._bars.remove_task(task)
        if told:
            self._console.print(told)

    def say(self, text: str, *, detail: bool = False) -> None:
        if self._verbose or not detail:
            self._console.print(text)

    def failed(self, text: str) -> None:
        self._console.print(text, style="red")

    def report(self) -> None: ...

    def close(self) -> None:
        self._bars.stop()


def display_for(*, quiet: bool, verbose: bool, bars: bool) -> Display:
    """Bars where there is a terminal that can show them, and they are wanted."""

    if bars and not quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalDisplay(verbose=verbose)
    return LogDisplay(quiet=quiet, verbose=verbose)


@asynccontextmanager
async def reporting(display: Display) -> AsyncIterator[None]:
    """What lasts long is told of now and then."""

    async def again() -> None:
        while True:
            await asyncio.sleep(LOG_SECONDS)
            display.report()

    reporting = asyncio.create_task(again())
    try:
        yield
    finally:
        reporting.cancel()
        await asyncio.wait([reporting])  # and not for itself, whose end would hide that of who waits here
