"""Rows of a step as paged kernels want them: packed queries, page tables, lengths; nothing padded, nothing copied.

A ``RowBlock`` holds that description in one block of int32, filled on the host and sent to the device in one transfer.
Made for the rows of one step it fits them exactly; made once with room for more it stays where it is, as a CUDA graph
needs, and its unused places write to the scratch page and attend to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from model.decoder.kv_cache import PagePool, PageTable
from model.device.transfer import host_tensor, mark_current

SHORT_ROW = 32
"""Rows of up to this many new positions (an answer token and guesses behind it) are attended apart from longer ones."""


@dataclass(frozen=True, slots=True)
class PackedRows:
    """Neighbouring rows of a step, attended in one call.

    Int32 tensors on the device. ``starts``: [rows + 1] place of each row's first query, the last one is the end.
    ``lengths``: [rows] keys of each row, its new ones included. ``key_starts``: [rows + 1] sums of the lengths.
    ``tables``: [rows, pages] page numbers of each row, in order. ``widest`` and ``longest`` bound the new positions and
    the keys of a row.
    """

    starts: torch.Tensor
    lengths: torch.Tensor
    key_starts: torch.Tensor
    tables: torch.Tensor
    widest: int
    longest: int


class Kernel(Protocol):
    """Causal attention over pages: the last query of a row sees all of its keys, each one before it one key less."""

    def __call__(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
    ) -> torch.Tensor:
        """``query``: [positions, heads, head_dim]; ``keys``, ``values``: [pages, page_size, kv_heads, head_dim].

        Returns [positions, heads, head_dim]; places that belong to no row hold anything.
        """
        ...


class _Side:
    """One of the places on the host that a block is filled from. ``sent``: when the device has taken it over."""

    def __init__(self, block: torch.Tensor, parts: Sequence[torch.Tensor]) -> None:
        self.block = block
        self.slots, self.starts, self.lengths, self.key_starts, self.tables, self.extra = (
            part.numpy() for part in parts
        )
        self.sent: torch.cuda.Event | None = None

    def wait(self) -> None:
        """Until it may be written to: hardly ever at all, for it is the other side's turn in between."""
        if self.sent is not None and not self.sent.query():  # type: ignore[no-untyped-call]
            self.sent.synchronize()


class RowBlock:
    """Room for ``rows`` rows of ``pages`` pages with ``positions`` new positions in all; int32 throughout.

    ``extra``: that many further numbers per position, for the owner's use, [extra, positions].
    """

    def __init__(self, *, positions: int, rows: int, pages: int, widest: int, pool: PagePool, extra: int = 0) -> None:
        self.positions, self.rows, self.pages = positions, rows, pages
        self._pool = pool
        self._size = positions * (1 + extra) + 3 * rows + 2 + rows * pages
        self._sides = [self._side()]
        self._device = torch.zeros(self._size, dtype=torch.int32, device=pool.device)
        self.slots, starts, lengths, key_starts, tables, self.extra = self._split(self._device)
        self.packed = PackedRows(starts, lengths, key_starts, tables, widest, pages * pool.page_size)

    def _side(self) -> _Side:
        host = host_tensor((self._size,), torch.int32, self._pool.device)
        host.zero_()
        return _Side(host, self._split(host))

    def _split(self, block: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The parts of the block; the tables last, so that unused ones need not travel."""
        per_position = len(block) - 3 * self.rows - 2 - self.rows * self.pages
        each, starts, lengths, key_starts, tables = block.split(  # type: ignore[no-untyped-call]
            [per_position, self.rows + 1, self.rows, self.rows + 1, self.rows * self.pages]
        )
        each, tables = each.view(-1, self.positions), tables.view(self.rows, self.pages)
        return each[0], starts, lengths, key_starts, tables, each[1:]

    def fill(self, rows: Sequence[tuple[PageTable, int]], extra: npt.NDArray[np.int32] | None = None) -> None:
        """Describe ``rows`` (page table, already extended, and its new positions) and send that to the device.

        ``extra``: the owner's numbers, [extra, positions]; None leaves what is there.
        """
        side = self._free_side()
        size, place, keys = self._pool.page_size, 0, 0
        side.slots[:] = self._pool.scratch_slot
        for number, (table, new) in enumerate(rows):
            side.slots[place : place + new] = _slots(table, new, size)
            side.tables[number, : len(table.pages)] = table.pages
            side.starts[number], side.lengths[number], side.key_starts[number] = place, table.length, keys
            place += new
            keys += table.length
        used = len(rows)
        side.starts[used:], side.lengths[used:], side.key_starts[used:] = place, 0, keys
        if extra is not None:
            side.extra[:] = extra
        sent = self._size - (self.rows - used) * self.pages
        self._device[:sent].copy_(side.block[:sent], non_blocking=True)
        side.sent = mark_current(self._pool.device)

    def _free_side(self) -> _Side:
        """The side that was not filled last. A block that is filled once needs no second one."""
        if self._sides[0].sent is not None:
            if len(self._sides) == 1:
                self._sides.append(self._side())
            self._sides.reverse()
        self._sides[0].wait()
        return self._sides[0]


def _slots(table: PageTable, new: int, page_size: int) -> int | npt.NDArray[np.int32]:
    """Slots of a row's last ``new`` positions."""
    if new == 1:
        page, offset = divmod(table.length - 1, page_size)
        return table.pages[page] * page_size + offset
    positions = np.arange(table.length - new, table.length, dtype=np.int32)
    first = int(positions[0]) // page_size
    pages = np.asarray(table.pages[first:], dtype=np.int32)
    return pages[positions // page_size - first] * page_size + positions % page_size


class PagedRows:
    """A step for a paged kernel, in one or more groups of neighbouring rows."""

    def __init__(self, pool: PagePool, kernel: Kernel, blocks: Sequence[RowBlock]) -> None:
        self._pool, self._kernel = pool, kernel
        self._groups = [(block.positions, block.packed) for block in blocks]
        slots = blocks[0].slots if len(blocks) == 1 else torch.cat([block.slots for block in blocks])
        self._slots = slots.long()

    @classmethod
    def of(cls, pool: PagePool, kernel: Kernel, rows: list[tuple[PageTable, int]]) -> PagedRows:
        """``rows``: page table and number of new positions of each row, already extended by them, in packed order."""
        blocks = []
        for _, neighbours in groupby(rows, key=lambda row: row[1] <= SHORT_ROW):
            group = list(neighbours)
            block = RowBlock(
                positions=sum(new for _, new in group),
                rows=len(group),
                pages=max(len(table.pages) for table, _ in group),
                widest=max(new for _, new in group),
                pool=pool,
            )
            block.fill(group)
            blocks.append(block)
        return cls(pool, kernel, blocks)

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """See Rows."""
        keys, values = self._pool.keys[layer], self._pool.values[layer]
        keys.index_copy_(0, self._slots, key)
        values.index_copy_(0, self._slots, value)
        paged = (-1, self._pool.page_size, *keys.shape[1:])
        outputs, first = [], 0
        for positions, packed in self._groups:
            part = query[first : first + positions]
            outputs.append(self._kernel(part, keys.view(paged), values.view(paged), packed, scale))
            first += positions
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)
