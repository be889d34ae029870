"""The memory of the card: blocks, pools of graphs, what is taken, the most that ever was and what made it so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from bench.rehearsal.card import GIB, Card
from bench.rehearsal.faults import place

_ROUNDED = 512
"""Bytes that torch's caching allocator rounds blocks to."""


@dataclass(slots=True, eq=False)
class Block:
    """Memory of one storage.

    ``home``: number of the stream that it was allocated on. ``written``: stream and launch of the last write.
    ``reads``: the last launch of each stream that has read since. ``kept_for``: streams of ``record_stream``.
    """

    size: int
    home: int
    pool: Pool | None = None
    written: tuple[int, int] = (0, 0)
    reads: dict[int, int] = field(default_factory=dict)
    kept_for: set[int] = field(default_factory=set)
    freed: bool = False


@dataclass(slots=True, eq=False)
class Pool:
    """Memory of graphs: what one of them frees stays with the pool, for the next recording. ``reserved``: bytes.

    ``passing``: all that is freed inside recordings, which every replay writes to.
    """

    taken: int = 0
    reserved: int = 0
    passing: Block = field(default_factory=lambda: Block(0, 0))


def accept(_size: int, _place: str) -> bool:
    """Refuse nothing."""
    return False


class Memory:
    """Bytes of the card. ``peak``: the most since ``reset_peak``; ``peak_at``: operation and place that made it so.

    ``failures``: allocations that did not fit. ``refuse``: tells of a number of bytes
    and the place in the code that wants them whether they shall not fit.
    """

    def __init__(self, card: Card) -> None:
        self.card = card
        self.allocated = 0
        self.peak = 0
        self.peak_at = ""
        self._pools: list[Pool] = []
        self._cached = 0
        self.failures = 0
        self.refuse: Callable[[int, str], bool] = accept

    @property
    def taken(self) -> int:
        """Bytes that others cannot have: blocks, and what the pools of graphs keep."""
        return self.allocated + sum(pool.reserved - pool.taken for pool in self._pools)

    @property
    def reserved(self) -> int:
        """Bytes taken or held back for the next block since ``empty_cache``."""
        return max(self._cached, self.taken)

    @property
    def free(self) -> int:
        """What ``mem_get_info`` would call free."""
        return max(0, self.card.usable - self.reserved)

    def pool(self) -> Pool:
        """A new one for graphs that share memory."""
        self._pools.append(Pool())
        return self._pools[-1]

    def take(self, sizes: list[int], home: int, pool: Pool | None, operation: str) -> list[Block]:
        """Blocks of the sizes. Raises torch.OutOfMemoryError, as torch does, where they do not fit."""
        rounded = [-(-size // _ROUNDED) * _ROUNDED for size in sizes]
        wanted = sum(rounded)
        reused = pool.reserved - pool.taken if pool is not None else 0
        needed = self.taken + max(0, wanted - max(0, reused))
        if needed > self.card.usable or (self.refuse is not accept and self.refuse(wanted, place())):
            self.failures += 1
            raise torch.OutOfMemoryError(
                f"CUDA out of memory. Tried to allocate {wanted / GIB:.2f} GiB for {operation}. GPU 0 has a total "
                f"capacity of {self.card.memory / GIB:.2f} GiB of which {self.free / GIB:.2f} GiB is free."
            )
        self.allocated += wanted
        if pool is not None:
            pool.taken += wanted
            pool.reserved = max(pool.reserved, pool.taken)
        taken = self.taken
        self._cached = max(self._cached, taken)
        if taken > self.peak:
            self.peak, self.peak_at = taken, f"{operation} at {place()}"
        return [Block(size, home, pool) for size in rounded]

    def give_back(self, block: Block) -> None:
        block.freed = True
        self.allocated -= block.size
        if block.pool is not None:
            block.pool.taken -= block.size

    def empty_cache(self) -> None:
        self._cached = self.taken

    def reset_peak(self) -> None:
        self.peak, self.peak_at = self.taken, "what was there before"
