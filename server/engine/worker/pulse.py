"""Signs of life while a step runs that takes longer than a silent worker is given.

On a GPU a step takes a fraction of a second, and silence is a fault. On a CPU a step of a large model may take minutes:
there a thread says that the step still runs, until it has run for so long that it has to be taken for one that hangs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition, Thread


class Pulse:
    """Calls ``beat`` with the step's number every ``interval`` seconds of a step, for ``patience`` seconds at most."""

    def __init__(self, beat: Callable[[int], None], *, interval: float, patience: float) -> None:
        """``beat`` is called on a thread of its own, never outside of a step, and not at all for short ones."""
        self._beat = beat
        self._interval = interval
        self._beats = int(patience / interval)
        self._changed = Condition()
        self._step: int | None = None
        Thread(target=self._watch, name="pulse", daemon=True).start()

    @contextmanager
    def step(self, number: int) -> Iterator[None]:
        """While this is open the step of that number runs. Numbers of steps that follow each other differ."""
        self._set(number)
        try:
            yield
        finally:
            self._set(None)

    def _set(self, number: int | None) -> None:
        with self._changed:
            self._step = number
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while True:
                self._changed.wait_for(lambda: self._step is not None)
                number, left = self._step, self._beats
                while not self._changed.wait_for(lambda: self._step != number, self._interval if left else None):  # noqa: B023
                    assert number is not None
                    self._beat(number)
                    left -= 1
