"""Pages have as many owners as hold them, are found again after a crop, and never leak."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

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


class Life:
    """A table, and what was written for each of its positions."""

    def __init__(self, pool: PagePool) -> None:
        self._pool = pool
        self.table, self.written = PageTable(pool), list[int]()

    def extend(self, amount: int, numbers: Iterator[int]) -> None:
        length, pages = self.table.length, self.table.pages
        if amount and length % self._pool.page_size and self._pool.shared(pages[-1]):
            with pytest.raises(RuntimeError, match="several owners"):
                self.table.extend(amount)
            return
        self.table.extend(amount)
        self.written += itertools.islice(numbers, amount)
        for storage in (*self._pool.keys, *self._pool.values):
            storage[self.table.slots[length : self.table.length], 0, 0] = torch.tensor(self.written[length:]).float()

    def crop(self, length: int) -> None:
        self.table.crop(length)
        del self.written[length:]

    def fork(self, of: Life, length: int) -> None:
        self.table.release()
        self.table, self.written = of.table.fork(length), of.written[:length]

    def check(self) -> None:
        for storage in (*self._pool.keys, *self._pool.values):
            assert storage[self.table.slots[: self.table.length], 0, 0].tolist() == self.written


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["extend", "crop", "release", "fork"]), st.integers(0, 9)),
        max_size=60,
    )
)
def test_random_lives_of_streams_keep_the_pool_whole_and_what_was_written(moves: list[tuple[int, str, int]]) -> None:
    pool = make_pool(pages=64)
    lives = [Life(pool) for _ in range(4)]
    numbers = itertools.count(1)
    for who, what, amount in moves:
        life = lives[who]
        match what:
            case "extend" if life.table.length + amount < 60:
                life.extend(amount, numbers)
            case "crop":
                life.crop(min(amount, life.table.length))
            case "release":
                life.crop(0)
            case "fork":
                other = lives[amount % 4]
                if other is not life:
                    life.fork(other, other.table.length * amount // 9)
        pool.check_integrity([life.table for life in lives])
        if amount % 2:  # slots that are asked for only now and then follow the pages all the same
            continue
        for each in lives:
            each.check()
            assert each.table.slots.tolist() == [page * 4 + offset for page in each.table.pages for offset in range(4)]
            assert all(slot >= pool.page_size for slot in each.table.slots)  # the null page belongs to nobody
    for life in lives:
        life.table.release()
    assert pool.free_pages == 64


def test_a_fork_takes_no_pages_but_for_what_is_not_full() -> None:
    pool = make_pool()
    table = PageTable(pool)
    table.extend(11)
    forks = [table.fork(11), table.fork(8), table.fork(2)]
    assert pool.free_pages == 12 - 3 - 2
    table.release()
    assert pool.free_pages == 12 - 2 - 2, "but for the two full ones"
    for fork in forks:
        fork.extend(1)
        fork.release()
    assert pool.free_pages == 12


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
    with pytest.raises(AssertionError, match="2 stolen"):
        pool.check_integrity([table, table])


def test_null_page_is_zero() -> None:
    pool = make_pool()
    for storage in (*pool.keys, *pool.values):
        assert not storage[: pool.page_size].any()
