"""Our own paged attention in Triton: grouped query heads, any number of queries per row, split over the context.

A program takes a tile of queries of one row, with all query heads that share a key head as further queries, so keys
and values are read once per tile. It walks the row's pages with an online softmax. Where there are too few tiles to
fill the device, as when a few long streams decode, the keys are split among programs and a second kernel joins what
they found. Nothing depends on host values that change between steps, so a step can be captured in a CUDA graph.

A kernel is compiled for every new set of its constants, and by default for properties of its numbers and addresses too
(one, a multiple of 16); that takes seconds in which nobody is answered. So those are left out of it where they differ
between steps, the constants take few values, and what they can be is compiled before the first call.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl

from model.decoder.attention.packed import PackedRows

_PROGRAMS = 1024
"""Programs wanted on the device at least; several fit a multiprocessor, and not all are busy for the same time."""

_MAX_SPLITS = 64
_SPLIT_KEYS = 256
"""Keys that are worth a program of their own."""

_FIXED_SHARE = 2048
"""Keys that are a program's own where all have to be cut alike."""

_PREFILL = 1024
"""Positions from which a call is taken for a prefill."""

_TILE = 64
"""Rows of a tile for wider rows; twice as many for a prefill, where they fit."""

_FEW_ROWS = 64
"""Up to so many rows of a step are told apart by one variant of the kernel."""

_LOG2_E = 1.4426950408889634


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
) -> torch.Tensor:
    """See ``packed.Kernel``. ``head_dim`` has to be a power of two, 16 at least."""
    shared = query.shape[1] // keys.shape[2]
    tile = _tile_rows(len(query), rows.widest, shared, _largest_tile(query.dtype, query.device))
    programs = _tiles(query, rows, tile, shared) * keys.shape[2]
    splits = min(_MAX_SPLITS, _PROGRAMS // programs, -(-rows.longest // _SPLIT_KEYS))
    return _attend(query, keys, values, rows, scale, tile=tile, splits=max(1, splits), share=0)


def attend_fixed(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
) -> torch.Tensor:
    """As ``attend``, with sums that depend on a query's own position and on ``rows.longest`` alone.

    Tiles have one size, and the keys are cut at the same positions whatever a tile holds. A block of keys behind a
    query's position, which others in its tile see, adds zeros to its sums.
    """
    share = max(_FIXED_SHARE, _power_of_2(-(-rows.longest // _MAX_SPLITS)))
    tile = max(_TILE, _power_of_2(query.shape[1] // keys.shape[2]))
    return _attend(query, keys, values, rows, scale, tile=tile, splits=-(-rows.longest // share), share=share)


def _attend(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    rows: PackedRows,
    scale: float,
    *,
    tile: int,
    splits: int,
    share: int,
) -> torch.Tensor:
    """``tile``: rows of a tile. ``share``: keys of each of the ``splits``, 0 for equal shares of what a tile sees."""
    query = query.contiguous()
    positions, heads, dim = query.shape
    _, page_size, kv_heads, _ = keys.shape
    count = len(rows.lengths)
    _compile_ahead(query.dtype, query.device, heads, kv_heads, dim, page_size)
    tiles = _tiles(query, rows, tile, heads // kv_heads)
    out = torch.empty_like(query)
    if splits > 1:
        partial = torch.empty(splits, positions, heads, dim, dtype=torch.float32, device=query.device)
        peaks = torch.empty(splits, positions, heads, dtype=torch.float32, device=query.device)
        sums = torch.empty_like(peaks)
    else:
        partial, peaks, sums = out, out, out  # not touched
    _attend_tiles[(tiles, kv_heads, splits)](
        query, keys, values, out, partial, peaks, sums, rows.starts, rows.lengths, rows.tables,
        count, positions, rows.tables.shape[1], share, scale * _LOG2_E,
        **_constants(query.dtype, heads, kv_heads, dim, page_size, tile, count, splits > 1),
    )  # fmt: skip
    if splits > 1:
        _join_splits[(positions, heads)](
            out, partial, peaks, sums, rows.starts, count, splits, positions,
            HEADS=heads, DIM=dim, SPLITS=_MAX_SPLITS, num_warps=4,
        )  # fmt: skip
    return out


def _tiles(query: torch.Tensor, rows: PackedRows, tile: int, shared: int) -> int:
    """Tiles that are enough for any rows of so many queries."""
    return len(query) // (tile // shared) + len(rows.lengths)


def _constants(
    dtype: torch.dtype, heads: int, kv_heads: int, dim: int, page_size: int, tile: int, count: int, split: bool
) -> dict[str, Any]:
    """What a variant of ``_attend_tiles`` is compiled for."""
    return {
        "KV_HEADS": kv_heads, "SHARED": heads // kv_heads, "DIM": dim, "PAGE": page_size, "TILE": tile,
        "KEYS": 32 if dtype == torch.float32 else 64, "ROWS": _FEW_ROWS if count <= _FEW_ROWS else _power_of_2(count),
        "SPLIT": split, "num_warps": 8 if tile > _TILE else 4, "num_stages": 3,
    }  # fmt: skip


@cache
def _compile_ahead(
    dtype: torch.dtype, device: torch.device, heads: int, kv_heads: int, dim: int, page_size: int
) -> None:
    """Compile what steps of up to ``_FEW_ROWS`` rows may need: recorded steps see to those of more."""
    steps, largest = ((1, 1), (2, 2), (_PREFILL, _PREFILL)), _largest_tile(dtype, device)
    for tile in {_tile_rows(*step, heads // kv_heads, largest) for step in steps}:
        for split in (False, True):
            between = torch.float32 if split else dtype
            _attend_tiles.warmup(
                *[dtype] * 4, *[between] * 3, *[torch.int32] * 3, 2, 2, 2, 2, 1.0, grid=(1,),
                **_constants(dtype, heads, kv_heads, dim, page_size, tile, 2, split),
            )  # fmt: skip
    _join_splits.warmup(
        dtype, *[torch.float32] * 3, torch.int32, 2, 2, 2, grid=(1,),
        HEADS=heads, DIM=dim, SPLITS=_MAX_SPLITS, num_warps=4,
    )  # fmt: skip


@cache
def _largest_tile(dtype: torch.dtype, device: torch.device) -> int:
    """Rows of a tile that fits a multiprocessor's shared memory with the keys and values beside it.

    Of that a T4 has 64 KiB, and GPUs of compute capability 8.6, 8.9 and 12.0 have 99: the kernel is compiled all the
    same, and refused when it is launched.
    """
    if device.type == "cuda" and (dtype == torch.float32 or torch.cuda.get_device_capability(device) < (8, 0)):
        return _TILE
    return 2 * _TILE


def _tile_rows(positions: int, widest: int, shared: int, largest: int) -> int:
    """Rows of a tile, each one query of one head.

    As few as there can be for rows of one query; what is still cheap for such rows beside wider ones; large ones for
    prefill, where the arithmetic counts and not the reading of keys.
    """
    least = max(16, _power_of_2(shared))
    if widest == 1:
        return least
    return max(least, _TILE if positions < _PREFILL else largest)


def _power_of_2(number: int) -> int:
    """The next one, or the number itself."""
    return 1 << (number - 1).bit_length()


@triton.jit(
    do_not_specialize=["rows", "positions", "pages", "share"],
    do_not_specialize_on_alignment=["starts", "lengths", "tables"],
)
def _attend_tiles(  # type: ignore[no-untyped-def]  # Triton reads the annotations itself
    query, keys, values, out, partial, peaks, sums,
    starts, lengths, tables, rows, positions, pages, share, scale,
    KV_HEADS: tl.constexpr, SHARED: tl.constexpr, DIM: tl.constexpr, PAGE: tl.constexpr,
    TILE: tl.constexpr, KEYS: tl.constexpr, ROWS: tl.constexpr, SPLIT: tl.constexpr,
):  # fmt: skip
    """One tile of queries of one row against one key head, over one share of the keys."""
    tile = tl.program_id(0)
    kv_head = tl.program_id(1)
    split = tl.program_id(2)
    queries: tl.constexpr = TILE // SHARED

    # Row r owns the tiles from starts[r] // queries + r on: no fewer than it needs, whatever the rows before it hold.
    order = tl.arange(0, ROWS)
    firsts = tl.load(starts + order, mask=order < rows, other=2**30)
    row = tl.sum((firsts // queries + order <= tile).to(tl.int32), 0) - 1
    first = tl.load(starts + row)
    new = tl.load(starts + row + 1) - first
    begin = (tile - first // queries - row) * queries
    if begin >= new:
        return

    length = tl.load(lengths + row)
    member = tl.arange(0, TILE)
    place = begin + member // SHARED
    head = kv_head * SHARED + member % SHARED
    live = (member < queries * SHARED) & (place < new)
    channel = tl.arange(0, DIM)
    at = (first + place) * (KV_HEADS * SHARED) + head
    q = tl.load(query + at[:, None] * DIM + channel[None, :], mask=live[:, None], other=0.0)

    limit = length - new + place  # position of each query; its own key is the last it sees
    end = length - new + tl.minimum(begin + queries, new)
    share = tl.where(share > 0, share, tl.cdiv(tl.cdiv(end, KEYS), tl.num_programs(2)) * KEYS)
    peak = tl.full([TILE], -float("inf"), tl.float32)
    total = tl.zeros([TILE], tl.float32)
    mixed = tl.zeros([TILE, DIM], tl.float32)
    for key in range(split * share, tl.minimum(end, (split + 1) * share), KEYS):
        position = key + tl.arange(0, KEYS)
        known = position < end  # what lies behind may never have been written
        if PAGE % KEYS == 0:  # all of them in one page
            page = tl.load(tables + row * pages + key // PAGE)
        else:
            page = tl.load(tables + row * pages + position // PAGE, mask=known, other=0)
        slot = (page.to(tl.int64) * PAGE + position % PAGE) * KV_HEADS + kv_head
        k = tl.load(keys + slot[None, :] * DIM + channel[:, None], mask=known[None, :], other=0.0)
        score = tl.dot(q, k, input_precision="ieee") * scale
        score = tl.where(position[None, :] <= limit[:, None], score, -float("inf"))
        higher = tl.maximum(peak, tl.max(score, 1))
        anchor = tl.where(higher == -float("inf"), 0.0, higher)  # a query that has seen no key yet
        weight = tl.exp2(score - anchor[:, None])
        fade = tl.exp2(peak - anchor)
        v = tl.load(values + slot[:, None] * DIM + channel[None, :], mask=known[:, None], other=0.0)
        mixed = mixed * fade[:, None] + tl.dot(weight.to(v.dtype), v, input_precision="ieee")
        total = total * fade + tl.sum(weight, 1)
        peak = higher

    if SPLIT:
        at = split * positions * (KV_HEADS * SHARED) + at
        tl.store(partial + at[:, None].to(tl.int64) * DIM + channel[None, :], mixed, mask=live[:, None])
        tl.store(peaks + at, peak, mask=live)
        tl.store(sums + at, total, mask=live)
    else:
        mixed = mixed / total[:, None]
        tl.store(out + at[:, None] * DIM + channel[None, :], mixed.to(out.dtype.element_ty), mask=live[:, None])


@triton.jit(do_not_specialize=["rows", "splits", "positions"], do_not_specialize_on_alignment=["starts"])
def _join_splits(  # type: ignore[no-untyped-def]
    out, partial, peaks, sums, starts, rows, splits, positions,
    HEADS: tl.constexpr, DIM: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    """One query of one head: the shares of its keys, each scaled from its own peak to the highest."""
    if tl.program_id(0) >= tl.load(starts + rows):  # belongs to no row
        return
    at = tl.program_id(0) * HEADS + tl.program_id(1)
    split = tl.arange(0, SPLITS)
    channel = tl.arange(0, DIM)
    share = split * positions * HEADS + at
    peak = tl.load(peaks + share, mask=split < splits, other=-float("inf"))
    seen = peak > -float("inf")  # a share without keys
    weight = tl.where(seen, tl.exp2(peak - tl.max(peak, 0)), 0.0)
    total = tl.sum(weight * tl.load(sums + share, mask=seen, other=0.0), 0)
    mixed = tl.load(partial + share[:, None].to(tl.int64) * DIM + channel[None, :], mask=seen[:, None], other=0.0)
    joined = tl.sum(mixed * weight[:, None], 0) / total
    tl.store(out + at * DIM + channel, joined.to(out.dtype.element_ty))
