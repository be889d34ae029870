"""Paged attention with the flash-attn package (FlashAttention 2)."""

from __future__ import annotations

import torch
from flash_attn import flash_attn_varlen_func, flash_attn_with_kvcache

from model.decoder.attention.packed import PackedRows


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
) -> torch.Tensor:
    """See ``packed.Kernel``."""
    out: torch.Tensor
    if rows.widest == 1:  # splits the keys among programs, which the other one does not
        out = flash_attn_with_kvcache(
            query[:, None],
            keys,
            values,
            cache_seqlens=rows.lengths,
            block_table=rows.tables,
            softmax_scale=scale,
            causal=True,
        )
        return out[:, 0]
    out = flash_attn_varlen_func(
        query,
        keys,
        values,
        cu_seqlens_q=rows.starts,
        cu_seqlens_k=rows.key_starts,
        max_seqlen_q=rows.widest,
        max_seqlen_k=rows.longest,
        softmax_scale=scale,
        causal=True,
        block_table=rows.tables,
    )
    return out
