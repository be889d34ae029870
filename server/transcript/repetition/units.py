"""What is repeated, written the same wherever in it the repetition was noticed."""

from __future__ import annotations

from collections.abc import Sequence


def normal_unit(unit: str) -> str:
    """A unit that follows itself, beginning with that of its words, or letters, which makes it first in the alphabet.

    It may have been cut anywhere, in a word too: ``you very much. thank`` and ``k you very much. than`` are the same.
    """
    blank = next((place for place, letter in enumerate(unit) if letter.isspace()), None)
    if blank is None:
        return "".join(_first_turn(list(unit)))
    return " ".join(_first_turn((unit[blank:] + unit[:blank]).split()))


def normal_segments(contents: Sequence[str]) -> str:
    """The same of a block of segments."""
    return " ".join(_first_turn(contents)).strip()


def _first_turn(parts: Sequence[str]) -> list[str]:
    if len(parts) > 256:  # comparing turns takes the square of it
        return list(parts)
    return min(([*parts[place:], *parts[:place]] for place in range(len(parts))), default=[])
