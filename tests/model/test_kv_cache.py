"""Pages are owned once, found again after a crop, and never leak."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from model.decoder.kv_cache import OutOfPagesError, PagePool, PageTable


def make_pool(pages: int = 12, page_size: int = 4) -> PagePool:
    return PagePool(
        layers=2,
        pages=pages,
        page_size=page_size,
        kv_heads=1,
        head_dim=2,
        dtype=torch.float32,
        device=torch.device("cpu"),
    )


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["extend", "crop", "release"]), st.integers(0, 9))))
def test_random_lives_of_streams_keep_the_pool_whole(moves: list[tuple[int, str, int]]) -> None:
    pool = make_pool(pages=64)
    tables = [PageTable(pool) for _ in range(4)]
    for who, what, amount in moves:
        table = tables[who]
        if what == "extend" and table.length + amount < 60:
            table.extend(amount)
        elif what == "crop":
            table.crop(min(amount, table.length))
        elif what == "release":
            table.release()
        pool.check_integrity(tables)
        if amount % 2:  # slots that are asked for only now and then follow the pages all the same
            continue
        for t in tables:
            assert t.slots.tolist() == [page * 4 + offset for page in t.pages for offset in range(4)]
        owned = [slot for t in tables for slot in t.slots[: t.length].tolist()]
        assert len(owned) == len(set(owned))
        assert all(slot >= pool.page_size for slot in owned)  # the null page belongs to nobody
    for table in tables:
        table.release()
    assert pool.free_pages == 64


def test_an_exhausted_pool_says_so() -> None:
    table = PageTable(make_pool(pages=2))
    table.extend(8)
    with pytest.raises(OutOfPagesError):
        table.extend(1)


def test_integrity_check_finds_leaks_and_thefts() -> None:
    pool = make_pool()
    table = PageTable(pool)
    table.extend(6)
    with pytest.raises(AssertionError, match="leaked"):
        pool.check_integrity([])
    with pytest.raises(AssertionError, match="two streams"):
        pool.check_integrity([table, table])


def test_null_page_is_zero() -> None:
    pool = make_pool()
    for storage in (*pool.keys, *pool.values):
        assert not storage[: pool.page_size].any()
