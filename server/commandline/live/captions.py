"""Captions of what was said: two lines in a terminal, two lines in a file for a broadcast, a line for each segment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from server.commandline.faults import Fault
from server.commandline.live.script import Said, Script
from server.commandline.transcribe.places import write

if TYPE_CHECKING:
    from rich.text import Text

LINES = 2
"""That people read at a time."""
OBS_WIDTH = 42
_COLOURS = ("cyan", "yellow", "green", "bright_white", "bright_cyan", "bright_yellow", "bright_green", "white")
"""Of speakers, on any background; who speaks is said by a letter as well."""


class Captions(Protocol):
    """Shows a script."""

    def show(self, script: Script) -> None:
        """It is another one."""
        ...

    def say(self, text: str) -> None:
        """Something else, of the session."""
        ...

    def close(self) -> None:
        """No more is said."""
        ...


class TerminalCaptions:
    """Closed segments scroll away; two lines below them have the last words, those that may change dim."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(highlight=False, markup=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._printed = 0
        self._speakers: dict[str, str] = {}
        self._live.start()

    def show(self, script: Script) -> None:
        """See Captions, as of the others."""
        for said in script.closed[self._printed :]:
            self._console.print(self._text(said))
        self._printed = max(self._printed, len(script.closed))
        self._live.update(self._last_lines(script.open), refresh=True)

    def _last_lines(self, open_segments: Sequence[Said]) -> Text:
        from rich.text import Text

        told = Text(" ").join(self._text(said) for said in open_segments)
        lines = told.wrap(self._console, self._console.width)[-LINES:]
        return Text("\n").join(line for line in lines)

    def _text(self, said: Said) -> Text:
        from rich.text import Text

        colour = self._speakers.setdefault(said.speaker, _COLOURS[len(self._speakers) % len(_COLOURS)])
        text = Text()
        if said.speaker:
            text.append(f"{said.speaker}: ", style=colour)
        text.append(said.text, style=f"bold {colour}")
        text.append(said.tentative if said.text else said.tentative.lstrip(), style=f"dim {colour}")
        return text

    def say(self, text: str) -> None:
        self._console.print(text, style="dim")

    def close(self) -> None:
        self._live.update("", refresh=True)
        self._live.stop()


class LineCaptions:
    """A line for each closed segment on the standard output, for pipes. ``silent``: none. ``quiet``: no other words."""

    def __init__(self, *, silent: bool, quiet: bool) -> None:
        self._silent = silent
        self._quiet = quiet
        self._printed = 0

    def show(self, script: Script) -> None:
        """See Captions, as of the others."""
        for said in script.closed[self._printed :]:
            if not self._silent:
                sys.stdout.write(f"{said.speaker}: {said.text}\n" if said.speaker else f"{said.text}\n")
        if len(script.closed) > self._printed:
            self._printed = len(script.closed)
            sys.stdout.flush()

    def say(self, text: str) -> None:
        if not self._quiet:
            sys.stderr.write(f"{text}\n")
            sys.stderr.flush()

    def close(self) -> None: ...


class ObsFile:
    """A text file that always holds the last two lines of what will not change; OBS reads it as a text source."""

    def __init__(self, file: Path, say: Callable[[str], None]) -> None:
        self._file = file
        self._say = say
        self._shown = ""
        self._failed = False
        write(file, "")

    def show(self, script: Script) -> None:
        """See Captions."""
        lines = last_lines(script.tail)
        text = "".join(f"{line}\n" for line in lines)
        if text != self._shown:
            try:
                write(self._file, text)
            except Fault as fault:  # captions go on
                if not self._failed:
                    self._say(fault.message)
                self._failed = True
            self._shown = text


def last_lines(said: Sequence[Said], width: int = OBS_WIDTH) -> list[str]:
    """Two lines of at most so many columns; a speaker begins a line of his own."""
    from rich.cells import cell_len

    lines: list[str] = []
    speaker: str | None = None
    for each in said:
        if not each.text:
            continue
        if each.speaker != speaker or not lines:
            lines.append("")
        head = f"{each.speaker}: " if each.speaker and each.speaker != speaker else ""
        speaker = each.speaker
        for word in (head + each.text).split():
            longer = f"{lines[-1]} {word}".strip()
            if lines[-1] and cell_len(longer) > width:
                lines.append(word)
            else:
                lines[-1] = longer
    return lines[-LINES:]
