"""How many words of a made case are lost or doubled, and whether its speakers are right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.seams.made import MadeCase
from server.transcript.segments import Segment
from server.transcript.stitching.units import units_of

Row = Sequence[tuple[str, int | None]]
"""Words and who says them."""


@dataclass(frozen=True, slots=True)
class Score:
    """Of one case.

    Attributes:
        words: that were said.
        lost: of them, those that are missing or wrong.
        doubled: words that were not said, or are there twice.
        linked: each person has one number, the earlier window's where it has one, and nobody else's.
        own: words by the right person, of those that are there.
    """

    words: int
    lost: int
    doubled: int
    linked: bool
    own: float


def row_of(segments: Sequence[Segment]) -> list[tuple[str, int | None]]:
    """The words of segments."""
    return [(unit.key, unit.segment.speaker) for unit in units_of(segments)]


def score(made: MadeCase, stitched: Sequence[Segment]) -> Score:
    """What is right of a stitched transcript."""
    truth, found = row_of(made.truth), row_of(stitched)
    pairs = common(truth, found)
    persons = Counter((found[j][1], truth[i][1]) for i, j in pairs)
    own = numbers_of(made)
    right = sum(count for (number, person), count in persons.items() if own.get(person, number) == number)
    return Score(
        len(truth), len(truth) - len(pairs), len(found) - len(pairs), _linked(made, persons), right / max(len(pairs), 1)
    )


def numbers_of(made: MadeCase) -> dict[int | None, int]:
    """The earlier window's numbers by person."""
    return {person: number for number, person in made.people.items()}


def _linked(made: MadeCase, persons: Counter[tuple[int | None, int | None]]) -> bool:
    """Whether most of what each number says is said by one person, and the other way round."""
    numbers: dict[int | None, int | None] = {}
    for (number, _), _count in persons.most_common():
        if number not in numbers:
            numbers[number] = max((p for n, p in persons if n == number), key=lambda p: persons[number, p])
    own = numbers_of(made)
    taken = list(numbers.values())
    if len(taken) != len(set(taken)):
        return False
    return all(own.get(person, number) == number for number, person in numbers.items()) and all(
        number not in made.people or made.people[number] == person
        for number, person in numbers.items()
        if number is not None
    )


def common(one: Row, other: Row) -> list[tuple[int, int]]:
    """Places of a longest common subsequence."""
    table = lengths(one, other)
    pairs = []
    i, j = len(one), len(other)
    while i and j:
        if one[i - 1][0] == other[j - 1][0] and table[i, j] == table[i - 1, j - 1] + 1:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif table[i - 1, j] >= table[i, j - 1]:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def lengths(one: Row, other: Row) -> npt.NDArray[np.int32]:
    """How long a longest common subsequence of each two beginnings is."""
    table = np.zeros((len(one) + 1, len(other) + 1), np.int32)
    keys = np.array([key for key, _ in other], dtype=object)
    for i, (key, _) in enumerate(one, start=1):
        best = np.maximum(table[i - 1, 1:], table[i - 1, :-1] + (keys == key))
        table[i, 1:] = np.maximum.accumulate(best)
    return table


def best_cut(made: MadeCase) -> int:
    """Words lost and doubled by the best of all single cuts: some of ``a``'s words, and some of ``b``'s behind them."""
    a = row_of(made.case.a.heard().placed())
    b = row_of(made.case.b.heard().placed())
    truth = row_of(made.truth)
    front = lengths(a, truth)
    back = lengths(b[::-1], truth[::-1])[::-1, ::-1]
    best = len(a) + len(b) + len(truth)
    for i in range(len(a) + 1):
        kept = np.max(front[i][None, :] + back, axis=1)  # by where b begins
        errors = i + len(b) - np.arange(len(b) + 1) + len(truth) - 2 * kept
        best = min(best, int(errors.min()))
    return best
