"""Rectangles over pages equal plain attention, row by row, whatever the mix of rows."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from model.attention import SdpaRows
from model.kv_cache import PagePool, PageTable

KV_HEADS, SHARED, DIM, PAGE = 2, 3, 8, 4

MIXES = {
    "decode rows": [(9, 1), (4, 1), (30, 1)],
    "decode rows of one length": [(8, 1), (8, 1)],
    "one long prefill": [(0, 23)],
    "prefill behind a history": [(13, 40)],
    "drafts of different lengths": [(9, 3), (20, 1), (7, 8)],
    "everything at once": [(5, 1), (0, 2), (11, 50), (3, 1), (2, 16), (6, 17), (40, 1)],
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES.keys())
def test_packed_rows_equal_each_row_alone(mix: list[tuple[int, int]]) -> None:
    torch.manual_seed(0)
    pool = PagePool(
        layers=1,
        pages=200,
        page_size=PAGE,
        kv_heads=KV_HEADS,
        head_dim=DIM,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )
    for storage in (pool.keys[0], pool.values[0]):
        storage[PAGE:] = float("nan")  # a slot that was never written must never be read
    tables = [PageTable(pool) for _ in mix]
    histories = []
    for table, (past, _) in zip(tables, mix, strict=True):
        keys, values = torch.randn(2, past, KV_HEADS, DIM)
        slots = table.extend(past)
        pool.keys[0][slots], pool.values[0][slots] = keys, values
        histories.append((keys, values))
    total = sum(new for _, new in mix)
    query = torch.randn(total, KV_HEADS * SHARED, DIM)
    key, value = torch.randn(2, total, KV_HEADS, DIM)
    for table, (_, new) in zip(tables, mix, strict=True):
        table.extend(new)
    rows = SdpaRows(pool, [(table, new) for table, (_, new) in zip(tables, mix, strict=True)])
    got = rows.attend(0, query, key, value, scale=0.3)

    place = 0
    for (past, new), (keys, values) in zip(mix, histories, strict=True):
        span = slice(place, place + new)
        k = torch.cat([keys, key[span]]).repeat_interleave(SHARED, dim=1).transpose(0, 1)
        v = torch.cat([values, value[span]]).repeat_interleave(SHARED, dim=1).transpose(0, 1)
        mask = torch.ones(new, past + new, dtype=torch.bool).tril(past)
        wanted = scaled_dot_product_attention(query[span].transpose(0, 1), k, v, attn_mask=mask, scale=0.3)
        torch.testing.assert_close(got[span], wanted.transpose(0, 1))
        place += new
