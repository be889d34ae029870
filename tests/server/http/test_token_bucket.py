"""So much per second and no more, whatever is taken when: properties, over random clocks and random takers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.auth.token_bucket import TokenBucket

RATES = st.floats(0.01, 1_000)
CAPACITIES = st.floats(1, 10_000)
STEPS = st.lists(st.tuples(st.floats(-5, 500), st.floats(0, 20_000)), max_size=40)
"""Seconds that pass (or are taken back), and what somebody wants then."""


@given(rate=RATES, capacity=CAPACITIES, steps=STEPS)
def test_no_more_is_ever_taken_than_flows_in(rate: float, capacity: float, steps: list[tuple[float, float]]) -> None:
    """What was taken while something was in it, except the last that overdrew it, was in it or has flowed in since."""
    bucket = TokenBucket(rate, capacity, now=0.0)
    now = latest = taken = last = 0.0
    for seconds, wanted in steps:
        now += seconds
        latest = max(latest, now)
        if bucket.level(now) > 0:
            bucket.take(wanted, now)
            taken, last = taken + wanted, wanted
        assert bucket.level(now) <= capacity
        assert taken - last <= (capacity + latest * rate) * (1 + 1e-9) + 1e-6


@given(rate=RATES, capacity=CAPACITIES, taken=st.floats(0, 1e6), wanted=st.floats(0.01, 1))
def test_the_told_wait_is_right(rate: float, capacity: float, taken: float, wanted: float) -> None:
    bucket = TokenBucket(rate, capacity, now=0.0)
    bucket.take(taken, 0.0)
    wait = bucket.wait(wanted, 0.0)
    assert (wait == 0) == (bucket.level(0.0) >= wanted)
    if wait > 1e-3:
        assert bucket.level(0.5 * wait) < wanted
    assert bucket.level(wait) == pytest.approx(max(wanted, min(capacity, capacity - taken)), rel=1e-6, abs=1e-4)


@given(rate=RATES, capacity=CAPACITIES, times=st.lists(st.floats(0, 1e4), max_size=20))
def test_looking_changes_nothing(rate: float, capacity: float, times: list[float]) -> None:
    looked_at, left = TokenBucket(rate, capacity, 0.0), TokenBucket(rate, capacity, 0.0)
    looked_at.take(2 * capacity, 0.0)
    left.take(2 * capacity, 0.0)
    for time in times:
        looked_at.level(time)
    end = max(times, default=0.0)
    assert looked_at.level(end) == pytest.approx(left.level(end), rel=1e-6, abs=1e-6)


def test_what_is_put_back_never_overflows() -> None:
    bucket = TokenBucket(1.0, 10.0, 0.0)
    bucket.take(4, 0.0)
    bucket.take(-3, 0.0)
    assert bucket.level(0.0) == 9
    bucket.take(-30, 0.0)
    assert bucket.level(0.0) == 10
