"""Where committed words end in a hypothesis that has them differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def aligned(committed: Sequence[str], hypothesis: Iterable[str]) -> int:
    """How much of a hypothesis stands for all that is committed.

    The beginning of the hypothesis with the fewest edits to ``committed``; of several the longest. Exact however much
    was edited. Levenshtein's table, a whole column at once: neighbours in it differ by one at most, which the bits of
    two integers hold (Myers 1999, in Hyyrö's form of 2001). A column costs a few operations on integers of
    ``len(committed)`` bits. It ends where a longer beginning would need more insertions than the fewest edits so far:
    behind twice ``len(committed)`` at the latest.
    """
    rows: dict[str, int] = {}
    for row, word in enumerate(committed):
        rows[word] = rows.get(word, 0) | 1 << row
    all_rows = (1 << len(committed)) - 1
    last_row = (all_rows + 1) >> 1
    more, less = all_rows, 0  # rows whose cost is one more, one less than that of the row above
    cost = fewest = len(committed)
    place = 0
    for count, word in enumerate(hypothesis, start=1):
        if count - len(committed) > fewest:
            break
        same = rows.get(word, 0)
        level = (((same & more) + more) ^ more) | same | less
        rising, falling = less | (all_rows & ~(level | more)), more & level  # beside the column before
        cost += bool(rising & last_row) - bool(falling & last_row)
        rising, falling = rising << 1 | 1, falling << 1
        more, less = all_rows & (falling | ~(level | rising)), all_rows & rising & level
        if cost <= fewest:
            fewest, place = cost, count
    return place
