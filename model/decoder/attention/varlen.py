"""Paged attention with torch's own ``varlen_attn`` (FlashAttention 2 inside), where it takes page tables."""

from __future__ import annotations

from inspect import signature

import torch
from torch.nn.attention.varlen import varlen_attn

from model.decoder.attention.packed import PackedRows

PAGED = "block_table" in signature(varlen_attn).parameters

_CAUSAL = (-1, 0)
"""The last query at the last key."""

_EVERYTHING = (-1, -1)
"""The same for rows of one query. FlashAttention packs the query heads that share a key head into one tile, so that
keys are read once for all of them, but only where no side of the window is bounded."""


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
) -> torch.Tensor:
    """See ``packed.Kernel``."""
    out = varlen_attn(
        query.contiguous(),
        keys,
        values,
        rows.starts,
        rows.key_starts,
        rows.widest,
        rows.longest,
        scale=scale,
        window_size=_EVERYTHING if rows.widest == 1 else _CAUSAL,
        enable_gqa=True,
        seqused_k=rows.lengths,
        block_table=rows.tables,
        num_splits=1,  # more are silently wrong with page tables (pytorch#194167)
    )
    assert isinstance(out, torch.Tensor), "no auxiliary output was asked for"
    return out
