"""Word errors where it counts who says a word: cpWER, and where it counts when as well: tcpWER.

Both as MeetEval defines them (von Neumann et al. 2023): each speaker of the transcript stands for one of the reference,
or for nobody, whichever way gives the fewest errors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TypeVar

import numpy as np

from server.evaluation.edits import Edits, word_edits
from server.evaluation.normalising import Normaliser
from server.evaluation.turns import Turn, by_speaker
from server.transcript.stitching.assignment import best_pairs

_Word = TypeVar("_Word")


@dataclass(frozen=True, slots=True)
class _TimedWord:
    """``start``, ``end``: seconds, shared out among the words of a turn by their letters."""

    text: str
    start: float
    end: float


def permuted_errors(reference: Sequence[Turn], told: Sequence[Turn], normaliser: Normaliser) -> Edits:
    """cpWER: concatenated minimum-permutation word error rate. Turns without times stand in their order."""
    return _best(_streams(reference, normaliser), _streams(told, normaliser), _distance)


def timed_permuted_errors(
    reference: Sequence[Turn], told: Sequence[Turn], normaliser: Normaliser, collar: float
) -> Edits:
    """tcpWER: the same where a word only stands for one that is said near it. All turns have times.

    ``collar``: seconds by which the middle of a word that was told may lie outside of the word that was said.
    """
    return _best(
        _timed_streams(reference, normaliser),
        _timed_streams(told, normaliser),
        lambda said, heard: _timed_distance(said, heard, collar),
    )


def _best(
    said: Sequence[Sequence[_Word]],
    told: Sequence[Sequence[_Word]],
    distance: Callable[[Sequence[_Word], Sequence[_Word]], int],
) -> Edits:
    """Errors under the best pairs of speakers. Whoever has no partner is missed, or made up, with all his words."""
    length, most = sum(map(len, said)), sum(map(len, told))
    saved = [[float(len(one) + len(other) - distance(one, other)) for other in told] for one in said]
    pairs = best_pairs(saved)
    return Edits(length, length + most - sum(int(saved[one][other]) for one, other in pairs.items()))


def _streams(turns: Sequence[Turn], normaliser: Normaliser) -> list[list[str]]:
    """The words of each speaker."""
    return [[word for turn in own for word in normaliser.units(turn.text)] for own in by_speaker(turns).values()]


def _timed_streams(turns: Sequence[Turn], normaliser: Normaliser) -> list[list[_TimedWord]]:
    return [[word for turn in own for word in _timed(turn, normaliser)] for own in by_speaker(turns).values()]


def _timed(turn: Turn, normaliser: Normaliser) -> list[_TimedWord]:
    assert turn.span is not None
    start, end = turn.span
    words = normaliser.units(turn.text)
    reached = [0, *accumulate(map(len, words))]
    times = [start + (end - start) * letters / max(1, reached[-1]) for letters in reached]
    return [_TimedWord(word, *span) for word, span in zip(words, pairwise(times), strict=True)]


def _distance(said: Sequence[str], told: Sequence[str]) -> int:
    return word_edits(said, told).errors


def _timed_distance(said: Sequence[_TimedWord], told: Sequence[_TimedWord], collar: float) -> int:
    """Levenshtein's table row by row, without the diagonal where two words are not near each other."""
    names: dict[str, int] = {}
    middles = np.array([(word.start + word.end) / 2 for word in told], np.float64)
    texts = np.array([names.setdefault(word.text, len(names)) for word in told], np.int64)
    places = np.arange(len(told) + 1)
    row = places.copy()
    for word in said:
        near = (middles + collar > word.start) & (middles - collar < word.end)
        replaced = row[:-1] + (texts != names.get(word.text, -1))
        left_out = row + 1
        left_out[1:] = np.where(near, np.minimum(left_out[1:], replaced), left_out[1:])
        row = np.minimum.accumulate(left_out - places) + places
    return int(row[-1])
