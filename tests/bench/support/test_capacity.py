"""The table of what fits says what the engine does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.parts.memory import gpu_info
from bench.support.capacity import by_memory
from bench.support.random_model import full_size, without_memory
from model.seam.runner import RunnerInfo
from server.engine.budget import context_limit


@pytest.fixture(scope="module")
def info() -> RunnerInfo:
    return gpu_info(without_memory(full_size()), positions=100_000)


def test_an_hour_fits_twice_into_a_hundred_thousand_positions(info: RunnerInfo) -> None:
    """27,000 of each for the audio, and 21,856 for the answer of ordinary talk."""
    capacity = by_memory(info)
    assert capacity.recordings[3600] == 2
    assert 3600 < capacity.pass_seconds < 100_000 / 7.5
    assert 40 < capacity.recordings[60] < 100_000 / 450


def test_more_pages_hold_more(info: RunnerInfo) -> None:
    small, large = by_memory(info), by_memory(replace(info, pages=4 * info.pages))
    assert large.recordings[60] >= 4 * small.recordings[60]
    assert large.recordings[3600] >= 3 * small.recordings[3600] > 0
    assert large.pass_seconds > small.pass_seconds


def test_the_checkpoint_bounds_a_file_however_many_pages_there_are(info: RunnerInfo) -> None:
    longest = by_memory(replace(info, pages=100_000)).pass_seconds
    assert longest == by_memory(replace(info, pages=50_000)).pass_seconds
    assert longest * 7.5 < info.max_positions


def test_a_pool_too_small_for_a_minute_holds_none(info: RunnerInfo) -> None:
    capacity = by_memory(replace(info, pages=2))
    assert (int(capacity.pass_seconds / 60), set(capacity.recordings.values())) == (0, {0})
    assert context_limit(replace(info, pages=2)) < 512
