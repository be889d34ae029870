"""Whether a worker hangs: how long it has given no sign of life, against how long its work usually takes.

Without a clock: whoever asks says how much time has passed. Only time in which the asking process ran itself counts,
so that a machine that stood still is not taken for a worker that does.
"""

from __future__ import annotations

from pathlib import Path

from server.engine.blackbox import BlackBox

_PATIENCE = 10.0
"""A turn may take so much longer than the longest of those before it."""
_LEAST_TICKS = 2
"""Of the kernel's clock: so much computing, a fiftieth of a second, is a sign of life of a worker that loads."""


class Watchdog:
    """Watches one worker. ``overdue``: the part of its patience that is used up; at 1 the worker hangs."""

    def __init__(self, box: BlackBox, pid: int, *, timeout: float, load_timeout: float) -> None:
        """``timeout``: seconds that a worker may be silent, and a turn take in any case.

        ``load_timeout``: for which it may do nothing at all while it loads. How long loading takes, and in how many
        steps, nobody can know; but downloading, reading and compiling all compute.
        """
        self._box = box
        self._pid = pid
        self._timeout = timeout
        self._load_timeout = load_timeout
        self._loads = True
        self._beats, self._silent = 0, 0.0
        self._turn: int | None = None
        self._turn_takes = 0.0
        self._ticks, self._idle = 0, 0.0
        self.overdue = 0.0

    def loaded(self) -> None:
        """The worker is ready: from now on its thread beats and its turns are measured."""
        self._loads = False
        self._beats, self._silent = self._box.beats, 0.0
        self.overdue = 0.0

    @property
    def patience(self) -> float:
        """Seconds that a turn may take."""
        return max(self._timeout, _PATIENCE * self._box.longest_turn)

    def look(self, elapsed: float) -> float:
        """What is overdue after so many more seconds."""
        self.overdue = self._look_at_loading(elapsed) if self._loads else self._look_at_work(elapsed)
        return self.overdue

    def _look_at_work(self, elapsed: float) -> float:
        beats, turn = self._box.beats, self._box.turn
        self._silent = self._silent + elapsed if beats == self._beats else 0.0
        self._turn_takes = self._turn_takes + elapsed if turn is not None and turn == self._turn else 0.0
        self._beats, self._turn = beats, turn
        return max(self._silent / self._timeout, self._turn_takes / self.patience)

    def _look_at_loading(self, elapsed: float) -> float:
        ticks = _computing(self._pid)
        if ticks is None or ticks >= self._ticks + _LEAST_TICKS:
            self._ticks, self._idle = ticks or 0, 0.0
        else:
            self._idle += elapsed
        return self._idle / self._load_timeout


def _computing(pid: int) -> int | None:
    """Ticks for which all threads of a process have computed; None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(") ")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])
