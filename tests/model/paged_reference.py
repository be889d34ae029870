"""Paged attention spelled out row by row in plain torch: what a kernel must equal, and a kernel that runs anywhere."""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

from model.decoder.attention import PackedRows


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, rows: PackedRows, scale: float
) -> torch.Tensor:
    """See ``model.decoder.attention.packed.Kernel``; places of no row are NaN, to be found where somebody uses them."""
    out = torch.full_like(query, float("nan"))
    shared, page_size = query.shape[1] // keys.shape[2], keys.shape[1]
    starts, lengths = rows.starts.tolist(), rows.lengths.tolist()
    for row, length in enumerate(lengths):
        first, last = starts[row], starts[row + 1]
        new = last - first
        if not new:
            continue
        assert new <= rows.widest
        assert length <= rows.longest
        pages = rows.tables[row, : -(-length // page_size)].long()
        key, value = (
            each[pages].flatten(0, 1)[:length].repeat_interleave(shared, dim=1).transpose(0, 1)
            for each in (keys, values)
        )
        mask = torch.ones(new, length, dtype=torch.bool, device=query.device).tril(length - new)
        part = query[first:last].transpose(0, 1)
        out[first:last] = scaled_dot_product_attention(part, key, value, attn_mask=mask, scale=scale).transpose(0, 1)
    return out
