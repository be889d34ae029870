"""Paged attention in plain torch whose every sum has the same terms in the same order, whatever stands beside it.

Each query is computed in a tile of fixed size against blocks of keys of fixed size, from the first position on, with an
online softmax in float32. What a tile or block lacks is zeros, and a block behind a query's position changes nothing in
its sums. So the result depends on the query's own row and position alone; see ``model.deterministic``. Rows are looped
over on the host: this is for CPUs and for devices that Triton does not know.
"""

from __future__ import annotations

import torch

from model.decoder.attention.packed import PackedRows

_TILE = 16
_KEYS = 256


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
) -> torch.Tensor:
    """See ``packed.Kernel``."""
    out = torch.zeros_like(query)
    starts, lengths = rows.starts.tolist(), rows.lengths.tolist()
    for row, length in enumerate(lengths):
        new = starts[row + 1] - starts[row]
        for first in range(0, new, _TILE):
            place, count = starts[row] + first, min(_TILE, new - first)
            tile = query[place : place + count]
            out[place : place + count] = _tile(tile, keys, values, rows.tables[row], length - new + first, scale)
    return out


def _tile(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, table: torch.Tensor, before: int, scale: float
) -> torch.Tensor:
    """``query``: [count, heads, head_dim], at most a tile, behind ``before`` positions; see ``packed.Kernel``."""
    count, heads, dim = query.shape
    kv_heads = keys.shape[2]
    shared = heads // kv_heads
    padded = query.new_zeros(_TILE, heads, dim, dtype=torch.float32)
    padded[:count] = query
    tile = (padded * scale).view(_TILE, kv_heads, shared, dim).permute(1, 2, 0, 3).reshape(kv_heads, -1, dim)
    limit = (before + torch.arange(_TILE, device=query.device)).repeat(shared)[:, None]
    peak = tile.new_full((kv_heads, shared * _TILE, 1), -torch.inf)
    total, mixed = torch.zeros_like(peak), torch.zeros_like(tile)
    for start in range(0, before + count, _KEYS):
        known = min(_KEYS, before + count - start)
        key, value = _block(keys, table, start, known), _block(values, table, start, known)
        position = start + torch.arange(_KEYS, device=query.device)
        score = torch.bmm(tile, key.transpose(1, 2)).masked_fill(position > limit, -torch.inf)
        higher = torch.maximum(peak, score.amax(-1, keepdim=True))  # never -inf: every query sees the first position
        weight, fade = torch.exp(score - higher), torch.exp(peak - higher)
        mixed = mixed * fade + torch.bmm(weight, value)
        total = total * fade + weight.sum(-1, keepdim=True)
        peak = higher
    out = (mixed / total).view(kv_heads, shared, _TILE, dim)[:, :, :count]
    return out.permute(2, 0, 1, 3).reshape(count, heads, dim).to(query.dtype)


def _block(stored: torch.Tensor, table: torch.Tensor, start: int, known: int) -> torch.Tensor:
    """Keys or values from position ``start`` on, ``known`` of them, then zeros: [kv_heads, _KEYS, head_dim] float32."""
    size = stored.shape[1]
    first = start // size
    pages = table[first : -(-(start + known) // size)].long()
    found = stored[pages].flatten(0, 1)[start - first * size :][:known]
    block = found.new_zeros(found.shape[1], _KEYS, found.shape[2], dtype=torch.float32)
    block[:, :known] = found.transpose(0, 1)
    return block
