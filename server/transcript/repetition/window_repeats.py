"""Notices a model that writes by turns and writes the same for one window of audio after the other.

How fast it is written tells nothing here: each copy can be said in its window. What tells is the clock. A window begins
each ``seconds`` of the audio, whoever speaks; to say the same in many of them, and never a word in the next, somebody
would have to begin anew just when a window does, and be off by less than a word behind all of them. Who sings a
refrain, calls a roll or drills keeps a time of his own: his words wander over the windows' edges, or are others.
"""

from __future__ import annotations

from collections.abc import Iterable

from server.transcript.repetition.speaking_time import least_seconds

COPIES = 18
"""Windows with the same clause that are a loop: one more than honest chants and drills come to, exactly in time."""
BRIEF_COPIES = 30
"""The same of a word or two: they are off by little, and many say yes for a long time."""
_BRIEF = 0.4
"""Seconds at a speed that nobody keeps up below which a text is brief: ten letters, four Chinese characters."""


class WindowRepeats:
    """Reads the texts of windows in order. ``said``: of those that stand already."""

    def __init__(self, said: Iterable[str] = ()) -> None:
        self._unit = ""
        self._copies = 0
        for text in said:
            self.add(text)

    def add(self, text: str) -> bool:
        """The next window's. Returns whether it is one copy too many, and so are all that are the same behind it.

        Silence ends a run, unless it has come so far: then it may be windows whose text was left out.
        """
        unit = _plain(text)
        if not unit and self._copies >= self._most - 1:
            return False
        self._copies = self._copies + 1 if unit and unit == self._unit else int(bool(unit))
        self._unit = unit
        if self._copies < self._most:
            return False
        self._copies = self._most - 1  # this one is left out
        return True

    @property
    def _most(self) -> int:
        return COPIES if sum(map(least_seconds, self._unit)) >= _BRIEF else BRIEF_COPIES


def _plain(text: str) -> str:
    """Words alone: not who says them, nor marks and capitals."""
    said = (line.partition(":")[2] if line.lstrip().startswith("Speaker ") else line for line in text.split("\n"))
    words = "".join(sign if sign.isalnum() else " " for sign in " ".join(said).casefold())
    return " ".join(words.split())
