"""The backend that runs anywhere: rectangles of rows for torch's SDPA.

The keys of a group of rows are gathered into a rectangle with *left padding*, so that the last query of every row
stands in the last column, and what a row does not own is masked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np
import torch
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence

from model.decoder.kv_cache import NULL_SLOT, PagePool, PageTable
from model.device.transfer import send

_SHORT_ROW = 16
"""Rows of up to this many queries (guesses to verify) share a rectangle; longer ones go alone."""


@dataclass(frozen=True, slots=True)
class _Rectangle:
    """Rows attended in one call.

    ``first``, ``last``: the range of the packed step these rows cover.
    ``queries``: [rows * width] places in that range, left-padded, and ``kept``: those of them that are no padding; both
    None where every row has ``width`` queries.
    ``slots``: [rows, longest] slots of the keys, left-padded with the null slot.
    ``mask``: [rows, 1, width, longest], True where a query may look; None where every query sees every key.
    """

    first: int
    last: int
    width: int
    queries: torch.Tensor | None
    kept: torch.Tensor | None
    slots: torch.Tensor
    mask: torch.Tensor | None


class SdpaRows:
    """Rectangular attention over pages with torch's SDPA. Works on every device and dtype."""

    def __init__(self, pool: PagePool, rows: list[tuple[PageTable, int]]) -> None:
        """``rows``: page table and number of new positions of each row, already extended by them, in packed order."""
        self._pool = pool
        self._slots = torch.cat([table.slots[table.length - new : table.length] for table, new in rows])
        self._rectangles = []
        first = 0
        for group in _groups(rows):
            rectangle = _rectangle(group, first)
            self._rectangles.append(rectangle)
            first = rectangle.last

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        keys, values = self._pool.keys[layer], self._pool.values[layer]
        keys.index_copy_(0, self._slots, key)
        values.index_copy_(0, self._slots, value)
        return torch.cat([_attend_rectangle(r, query[r.first : r.last], keys, values, scale) for r in self._rectangles])


def _groups(rows: list[tuple[PageTable, int]]) -> list[list[tuple[PageTable, int]]]:
    """Neighbouring rows of one kind together, long rows alone; the packed order is kept."""
    groups: list[list[tuple[PageTable, int]]] = []
    last = _Kind.LONG
    for table, new in rows:
        kind = _kind(new)
        if kind is last and kind is not _Kind.LONG:
            groups[-1].append((table, new))
        else:
            groups.append([(table, new)])
        last = kind
    return groups


class _Kind(Enum):
    SINGLE = 1
    SHORT = 2
    LONG = 3


def _kind(new: int) -> _Kind:
    if new == 1:
        return _Kind.SINGLE
    return _Kind.SHORT if new <= _SHORT_ROW else _Kind.LONG


def _rectangle(rows: list[tuple[PageTable, int]], first: int) -> _Rectangle:
    device = rows[0][0].slots.device
    new_counts = [new for _, new in rows]
    row_lengths = [table.length for table, _ in rows]
    width, longest, total = max(new_counts), max(row_lengths), sum(new_counts)
    slots = pad_sequence(
        [table.slots[: table.length] for table, _ in rows],
        batch_first=True,
        padding_value=NULL_SLOT,
        padding_side="left",
    )
    if width == 1 and min(row_lengths) == longest:
        return _Rectangle(first, first + total, width, None, None, slots, None)
    lengths = send(row_lengths, device)
    columns = torch.arange(longest, device=device) - (longest - lengths)[:, None]  # [rows, longest] key positions
    places = torch.arange(width, device=device) - width  # -1 is a row's last query
    limit = lengths[:, None] + places  # [rows, width] position of each query; its own key is the last it sees
    mask = (columns[:, None, :] >= 0) & (columns[:, None, :] <= limit[:, :, None])
    queries = kept = None
    if total != width * len(rows):
        # Made on the host: the device would have to be waited for to learn how many there are.
        news = np.array(new_counts)[:, None]
        back = np.arange(-width, 0)
        kept = send(np.flatnonzero(back >= -news), device)
        queries = send(np.maximum(news.cumsum()[:, None] + back, 0).flatten(), device)
    return _Rectangle(first, first + total, width, queries, kept, slots, mask[:, None])


def _attend_rectangle(
    rectangle: _Rectangle, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
) -> torch.Tensor:
    rows, longest = rectangle.slots.shape
    heads, dim = query.shape[1:]
    kv_heads = keys.shape[1]
    shared = heads // kv_heads
    width = rectangle.width
    rect = query if rectangle.queries is None else query.index_select(0, rectangle.queries)
    # Query heads that share a key head become further queries of it, so keys and values are never repeated.
    rect = rect.view(rows, width, kv_heads, shared, dim).permute(0, 2, 3, 1, 4).reshape(rows, kv_heads, -1, dim)
    flat = rectangle.slots.flatten()
    key = keys.index_select(0, flat).view(rows, longest, kv_heads, dim).transpose(1, 2)
    value = values.index_select(0, flat).view(rows, longest, kv_heads, dim).transpose(1, 2)
    mask = rectangle.mask
    if mask is not None and shared > 1:
        mask = mask.repeat(1, 1, shared, 1)
    out = scaled_dot_product_attention(rect, key, value, attn_mask=mask, scale=scale)
    out = out.view(rows, kv_heads, shared, width, dim).permute(0, 3, 1, 2, 4).reshape(rows * width, heads, dim)
    return out if rectangle.kept is None else out.index_select(0, rectangle.kept)
