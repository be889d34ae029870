"""Whom to pair with whom, so that the pairs' worth is greatest."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf


def best_pairs(worth: Sequence[Sequence[float]]) -> dict[int, int]:
    """The column of each row, none twice, with the greatest sum; pairs that are worth nothing are left out.

    The Hungarian method with potentials, in time cubic in the number of rows and columns.
    """
    rows, columns = len(worth), max(map(len, worth), default=0)
    width = columns + rows  # each row may go without a partner, for nothing
    above, beside = [0.0] * (rows + 1), [0.0] * (width + 1)
    partner = [0] * (width + 1)  # the row of each column, both from 1; 0 where there is none
    for row in range(1, rows + 1):
        partner[0], column = row, 0
        least, way, done = [inf] * (width + 1), [0] * (width + 1), [False] * (width + 1)
        while partner[column]:
            done[column] = True
            current, step, following = partner[column], inf, 0
            for other in range(1, width + 1):
                if done[other]:
                    continue
                gain = worth[current - 1][other - 1] if other <= columns else 0.0
                cost = -max(gain, 0.0) - above[current] - beside[other]
                if cost < least[other]:
                    least[other], way[other] = cost, column
                if least[other] < step:
                    step, following = least[other], other
            for other in range(width + 1):
                if done[other]:
                    above[partner[other]] += step
                    beside[other] -= step
                else:
                    least[other] -= step
            column = following
        while column:
            partner[column] = partner[way[column]]
            column = way[column]
    return {
        row - 1: column - 1
        for column, row in enumerate(partner)
        if row and 1 <= column <= columns and worth[row - 1][column - 1] > 0
    }
