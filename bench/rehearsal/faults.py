"""What was found: broken promises, and places in the project's code where the host waited for the device."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

_HERE = str(Path(__file__).parent)
_ROOT = str(Path(__file__).parents[2])
_STRANGE = ("site-packages", ".venv")


def place() -> str:
    """Where the project's own code is right now, as ``folder/file.py:line``; the rehearsal itself does not count."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_ROOT) and not file.startswith(_HERE) and not any(each in file for each in _STRANGE):
            return f"{file[len(_ROOT) + 1 :]}:{frame.f_lineno} {frame.f_code.co_name}"
        if frame.f_back is None:
            break
        frame = frame.f_back
    return "?"


@dataclass(slots=True)
class Faults:
    """``found``: how often each was seen, by its text, which names the place."""

    found: Counter[str] = field(default_factory=Counter)

    def report(self, text: str, where: str = "") -> None:
        """``where``: the place, by default where the project's code is now."""
        self.found[f"{text} (at {where or place()})"] += 1

    def __bool__(self) -> bool:
        return bool(self.found)

    def __str__(self) -> str:
        return "\n".join(f"{text}, {count} times" for text, count in self.found.items())
