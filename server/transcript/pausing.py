"""Words between pauses: a word is said without one, so pauses tell where words end and others begin."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from math import inf

import numpy as np

Span = tuple[float, float]

_SHORTEST = 0.05
"""Seconds: less between two pauses is a click, and no word."""


def stretches(start: float, end: float, pauses: Sequence[Span]) -> list[Span]:
    """Of speech between ``start`` and ``end``, around ``pauses``, which are in order; at least one."""
    found, at = [], start
    for pause, over in pauses:
        if over <= start or pause >= end:
            continue
        if pause - at >= _SHORTEST:
            found.append((at, pause))
        at = max(at, over)
    if end - at >= _SHORTEST:
        found.append((at, end))
    return found or [(start, end)]


def shared_out(lengths: Sequence[int], spoken: Sequence[Span]) -> list[int]:
    """How many words are said in each stretch, in order: those that take about as long as it lasts.

    Args:
        lengths: of the words, in letters.
        spoken: stretches of speech.

    The division with the smallest squared differences between how long a stretch lasts and how long its words take at
    the pace of all of them.
    A noise may be a stretch without words. Takes time in proportion to stretches times words times words.
    """
    reached = np.array([0, *accumulate(lengths)], np.float64)
    seconds = [end - start for start, end in spoken]
    taken = (reached - reached[:, None]) * (sum(seconds) / reached[-1])  # by the words from one number to another
    taken[np.tril_indices(reached.size, -1)] = inf
    costs = np.full(reached.size, inf)
    costs[0] = 0.0
    ways = []
    for length in seconds:
        totals = costs[:, None] + (length - taken) ** 2
        ways.append(totals.argmin(axis=0))
        costs = totals.min(axis=0)
    last, counts = len(lengths), list[int]()
    for came in reversed(ways):
        first = int(came[last])
        counts.append(last - first)
        last = first
    return counts[::-1]
