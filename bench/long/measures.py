"""How right a long transcript is: who said each word, and what is lost or doubled where two windows meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from bench.long.material import SpokenWord
from model.tiny.recipe.scoring import words_of
from server.transcript.stitching.assignment import best_pairs

_NEAR = 20.0
"""Seconds by which a word may be told too early or too late and still be the same one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A transcript beside what was said.

    Attributes:
        words: that were said.
        told: of them, those that were told as they are.
        attributed: of these, those with the right speaker, as well as one numbering for all of it can be.
        lost: when words were said that nothing stands for.
        added: when words were told that nothing stands behind.
        changed: words for which another one stands.
    """

    words: int
    told: int
    attributed: int
    lost: tuple[float, ...]
    added: tuple[float, ...]
    changed: int

    @property
    def word_errors(self) -> float:
        """As a share of the words."""
        return (self.changed + len(self.lost) + len(self.added)) / max(1, self.words)

    @property
    def attribution(self) -> float:
        """Share of the words that were told which have the right speaker."""
        return self.attributed / max(1, self.told)

    def at_seams(self, seams: Sequence[tuple[float, float]], seconds: float) -> float:
        """Words lost or doubled in these stretches, as a share of all words of a recording of ``seconds``.

        The model loses and adds words anywhere: what is counted is how many more there are at seams than in as much
        time elsewhere. Stretches do not overlap.
        """
        near = sum(end - start for start, end in seams)
        errors = (*self.lost, *self.added)
        inside = sum(any(start <= error < end for start, end in seams) for error in errors)
        elsewhere = (len(errors) - inside) / max(seconds - near, 1.0)
        return max(0.0, inside - near * elsewhere) / max(1, self.words)


def words_told(segments: Sequence[dict[str, Any]]) -> list[SpokenWord]:
    """The words of an answer's segments (``start``, ``end``, ``speaker``, ``text``), spread over their times.

    Speakers are numbered in the order in which they come; tags are no words.
    """
    numbers: dict[str, int] = {}
    words = []
    for segment in segments:
        if not segment["speaker"] or segment["text"].startswith("["):
            continue
        speaker = numbers.setdefault(segment["speaker"], len(numbers))
        said = words_of(segment["text"])
        length = (segment["end"] - segment["start"]) / max(1, len(said))
        words += [SpokenWord(word, speaker, segment["start"] + (n + 0.5) * length) for n, word in enumerate(said)]
    return words


def compare(said: Sequence[SpokenWord], told: Sequence[SpokenWord]) -> Comparison:
    """Both in the order of their times."""
    pairs = _aligned(said, told)
    same = [(said[i], told[j]) for i, j in pairs if i is not None and j is not None and said[i].text == told[j].text]
    together = Counter((one.speaker, other.speaker) for one, other in same)
    speakers, numbers = sorted({one for one, _ in together}), sorted({other for _, other in together})
    worth = [[float(together[one, other]) for other in numbers] for one in speakers]
    partners = best_pairs(worth)
    return Comparison(
        words=len(said),
        told=len(same),
        attributed=sum(int(worth[one][other]) for one, other in partners.items()),
        lost=tuple(said[i].at for i, j in pairs if i is not None and j is None),
        added=tuple(told[j].at for i, j in pairs if j is not None and i is None),
        changed=sum(i is not None and j is not None for i, j in pairs) - len(same),
    )


def _aligned(said: Sequence[SpokenWord], told: Sequence[SpokenWord]) -> list[tuple[int | None, int | None]]:
    """The pairs of places of the alignment with the fewest edits, of words that lie near each other in time."""
    bands = _bands(said, told)
    costs: list[list[float]] = []
    for i in range(len(said) + 1):
        low, high = bands[i]
        row: list[float] = []
        for j in range(low, high + 1):
            best = 0.0 if i == j == 0 else inf
            if j > low:
                best = min(best, row[-1] + 1)
            if i and bands[i - 1][0] <= j <= bands[i - 1][1]:
                best = min(best, costs[-1][j - bands[i - 1][0]] + 1)
            if i and bands[i - 1][0] <= j - 1 <= bands[i - 1][1]:
                best = min(best, costs[-1][j - 1 - bands[i - 1][0]] + (said[i - 1].text != told[j - 1].text))
            row.append(best)
        costs.append(row)
    return _path(said, told, bands, costs)


def _bands(said: Sequence[SpokenWord], told: Sequence[SpokenWord]) -> list[tuple[int, int]]:
    """For each count of said words the counts of told words that may stand beside it; neighbours overlap."""
    bands, low, high = [(0, 0)], 0, 0
    for word in said:
        while low < len(told) and told[low].at < word.at - _NEAR:
            low += 1
        while high < len(told) and told[high].at <= word.at + _NEAR:
            high += 1
        bands.append((min(low, bands[-1][1]), max(high, bands[-1][1])))
    bands[0] = (0, bands[1][1] if said else len(told))
    bands[-1] = (bands[-1][0], len(told))
    return bands


def _path(
    said: Sequence[SpokenWord],
    told: Sequence[SpokenWord],
    bands: Sequence[tuple[int, int]],
    costs: Sequence[Sequence[float]],
) -> list[tuple[int | None, int | None]]:
    def cost(i: int, j: int) -> float:
        low, high = bands[i] if i >= 0 else (1, 0)
        return costs[i][j - low] if low <= j <= high else inf

    i, j, pairs = len(said), len(told), list[tuple[int | None, int | None]]()
    while i or j:
        here = cost(i, j)
        if i and j and here == cost(i - 1, j - 1) + (said[i - 1].text != told[j - 1].text):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and here == cost(i - 1, j) + 1:
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]
