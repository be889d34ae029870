"""The stub server's event loop, watched from outside."""

from __future__ import annotations

from collections.abc import Callable

import httpx


def lags(base: str) -> list[float]:
    """By how many seconds a task that waits there came late, each time since the last question."""
    late: list[float] = httpx.get(base + "/bench/lag").raise_for_status().json()
    return late


def longest_block(base: str, work: Callable[[], object]) -> float:
    """Seconds for which nothing else had its turn, at the most, while ``work`` is done."""
    lags(base)
    work()
    return max(lags(base))
