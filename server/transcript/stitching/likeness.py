"""How alike two words are that may be one, heard twice."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

_FEWEST_LETTERS: Final = 4
"""Of words that may be alike without being the same."""
_MOST_EDITS: Final = 1 / 3
"""Of the longer word's letters."""

_FEWEST_LEFT: Final = 2
"""Letters of a word that was cut."""
_PART: Final = 0.7


@lru_cache(1 << 16)
def likeness(one: str, other: str) -> float:
    """1 for the same letters, less for nearly the same, 0 for different words."""
    if one == other:
        return 1.0
    longest = max(len(one), len(other))
    most = int(longest * _MOST_EDITS)
    if longest < _FEWEST_LETTERS or abs(len(one) - len(other)) > most:
        return 0.0
    edits = _edits(one, other, most)
    return 0.0 if edits > most else 1.0 - edits / longest


def part_of(part: str, whole: str, *, front: bool) -> float:
    """How alike a word is and one that was cut at a window's edge. ``front``: the part that is left is the front."""
    cut = whole.startswith(part) if front else whole.endswith(part)
    return _PART if cut and len(whole) > len(part) >= _FEWEST_LEFT else 0.0


def _edits(one: str, other: str, most: int) -> int:
    """Letters to change, to add or to take away; any number above ``most`` where it is more."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, start=1):
        before, row[0] = row[0], place
        for column, against in enumerate(other, start=1):
            changed = before + (letter != against)
            before = row[column]
            row[column] = min(changed, before + 1, row[column - 1] + 1)
        if min(row) > most:
            return most + 1
    return row[-1]
