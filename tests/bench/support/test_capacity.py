"""The table of what fits says what the step loop does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.parts.memory import gpu_info
from bench.support.capacity import Capacity
from bench.support.random_model import full_size, without_memory
from model.seam.runner import RunnerInfo
from server.engine.budget import context_limit


@pytest.fixture(scope="module")
def info() -> RunnerInfo:
    return gpu_info(without_memory(full_size()), positions=100_000)


def test_an_hour_fits_once_into_a_hundred_thousand_positions(info: RunnerInfo) -> None:
    capacity = Capacity.of(info)
    assert capacity.hours == 1
    assert 60 < capacity.longest < 100_000 / 60 / 7.5
    assert 40 < capacity.minutes < 100_000 / 450


def test_more_pages_hold_more(info: RunnerInfo) -> None:
    small, large = Capacity.of(info), Capacity.of(replace(info, pages=4 * info.pages))
    assert large.minutes >= 4 * small.minutes
    assert large.hours >= 4 * small.hours
    assert large.longest > small.longest


def test_the_checkpoint_bounds_a_file_however_many_pages_there_are(info: RunnerInfo) -> None:
    longest = Capacity.of(replace(info, pages=100_000)).longest
    assert longest == Capacity.of(replace(info, pages=50_000)).longest
    assert longest * 60 * 7.5 < info.max_positions


def test_a_pool_too_small_for_a_minute_holds_none(info: RunnerInfo) -> None:
    assert Capacity.of(replace(info, pages=2)) == Capacity(0, 0, 0)
    assert context_limit(replace(info, pages=2)) < 512
