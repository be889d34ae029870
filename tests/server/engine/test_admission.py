"""Who is let in, who is told to come back and when."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.family import VIBEVOICE_ASR
from model.seam.streams import Priority
from server.engine.budget import pass_positions, work_seconds
from server.engine.client.admission import Admission, Overloaded


def exact(*, max_requests: int, max_audio_seconds: float) -> Admission:
    """Without the jitter."""
    return Admission(max_requests=max_requests, max_audio_seconds=max_audio_seconds, jitter=lambda: 1.0)


def test_requests_are_counted_until_they_leave() -> None:
    admission = exact(max_requests=2, max_audio_seconds=100)
    first = admission.enter()
    with admission.enter():
        with pytest.raises(Overloaded, match="All 2 places"):
            admission.enter()
        assert admission.requests == 2
    with admission.enter():
        pass
    first.leave()
    first.leave()
    assert admission.requests == 0


def test_audio_is_counted_until_its_request_leaves() -> None:
    admission = exact(max_requests=10, max_audio_seconds=100)
    with admission.enter() as first, admission.enter() as second:
        first.add_audio(60)
        second.add_audio(40)
        with pytest.raises(Overloaded, match="Too much audio"):
            second.add_audio(0.1)
        first.leave()
        second.add_audio(60)
        assert admission.audio_seconds == 100
    assert admission.audio_seconds == 0


def test_a_request_gives_back_all_that_was_taken_in_and_nothing_that_was_refused() -> None:
    admission = exact(max_requests=10, max_audio_seconds=100)
    with admission.enter() as first:
        first.add_audio(30)
        with admission.enter() as second:
            second.add_audio(40)
            second.add_audio(20)
            with pytest.raises(Overloaded):
                second.add_audio(20)
            assert admission.audio_seconds == 90
        assert admission.audio_seconds == 30


def test_what_shows_late_is_refused_to_who_comes_next() -> None:
    admission = exact(max_requests=10, max_audio_seconds=100)
    charged: list[tuple[float, bool]] = []
    with admission.enter(charge=lambda seconds, /, *, late=False: charged.append((seconds, late))) as split:
        split.add_audio(60)
        split.add_late_audio(60)
        assert (admission.audio_seconds, charged) == (120, [(60, False), (60, True)])
        with pytest.raises(Overloaded):
            admission.enter()
    assert admission.audio_seconds == 0


def test_a_recording_longer_than_the_limit_is_taken_when_it_is_alone() -> None:
    admission = exact(max_requests=10, max_audio_seconds=100)
    with admission.enter() as long, admission.enter() as other:
        long.add_audio(200)
        with pytest.raises(Overloaded):
            other.add_audio(1)


def test_retry_after_is_the_queue_at_the_measured_speed() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    with admission.enter() as ticket:
        ticket.add_audio(600)
        admission.completed(100, started=0, ended=5)  # 20 times real time
        with pytest.raises(Overloaded) as caught:
            admission.enter()
        assert caught.value.retry_after == pytest.approx(30)


def test_recordings_side_by_side_count_their_time_once() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    for _ in range(4):
        admission.completed(50, started=10, ended=20)
    assert 13 < admission.speed < 25
    admission.completed(0, started=15, ended=25)
    assert admission.speed < 20


def test_time_that_others_cover_is_nobodys_even_when_they_end_later() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    admission.completed(100, started=0, ended=20)
    for started, ended in ((5, 10), (12, 20), (0, 20)):
        admission.completed(0, started=started, ended=ended)
    assert admission.speed == pytest.approx(100 / 20)
    admission.completed(0, started=15, ended=22)
    assert admission.speed == pytest.approx(100 * 0.9**4 / (20 * 0.9**4 + 2))


def test_a_pause_between_recordings_is_no_work() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    admission.completed(100, started=-50, ended=-40)
    admission.completed(100, started=1000, ended=1010)
    assert admission.speed == pytest.approx(10)


def test_the_last_recording_counts_most() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    for number, audio in enumerate((100, 200, 50)):
        admission.completed(audio, started=10 * number, ended=10 * number + 10)
    weights = (0.81, 0.9, 1)
    assert admission.speed == pytest.approx((0.81 * 100 + 0.9 * 200 + 50) / (10 * sum(weights)))


def test_what_takes_less_than_a_second_was_measured_too() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    admission.completed(30, started=0, ended=0.5)
    assert admission.speed == pytest.approx(60)


def test_before_the_first_recording_a_speed_is_assumed() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    with admission.enter() as ticket:
        ticket.add_audio(300)
        assert admission.retry_after == pytest.approx(30)


def test_where_nothing_was_answered_for_a_long_time_it_is_a_minute() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    admission.completed(0, started=0, ended=100)
    with admission.enter() as ticket:
        assert admission.retry_after == 1
        ticket.add_audio(0.01)
        assert 1 < admission.retry_after <= 60
        ticket.add_audio(10)
        assert admission.retry_after == 60


@pytest.mark.parametrize(("queued", "expected"), [(0.1, 1), (100_000, 60)])
def test_retry_after_stays_within_a_second_and_a_minute(queued: float, expected: float) -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    with admission.enter() as ticket:
        ticket.add_audio(queued)
        assert admission.retry_after == expected


def test_the_speed_forgets() -> None:
    admission = exact(max_requests=1, max_audio_seconds=1000)
    for hour in range(60):
        admission.completed(100, started=hour, ended=hour + 1)
    for hour in range(60, 120):
        admission.completed(10, started=hour, ended=hour + 1)
    assert admission.speed == pytest.approx(10, rel=0.05)


def test_audio_of_less_than_a_second_is_audio_too() -> None:
    admission = exact(max_requests=10, max_audio_seconds=100)
    with admission.enter() as short, admission.enter() as long:
        short.add_audio(0.5)
        with pytest.raises(Overloaded, match="Too much audio"):
            long.add_audio(99.6)


def test_sums_leave_no_rounding_behind() -> None:
    """Or a recording longer than the limit would never find the queue empty again."""
    admission = exact(max_requests=10, max_audio_seconds=100)
    tickets = [admission.enter() for _ in range(3)]
    for ticket, seconds in zip(tickets, (0.1, 0.7, 0.3), strict=True):
        ticket.add_audio(seconds)
    assert (0.1 + 0.7 + 0.3) - 0.1 - 0.7 - 0.3 != 0
    for ticket in tickets:
        ticket.leave()
    assert admission.audio_seconds == 0
    with admission.enter() as long:
        long.add_audio(200)


def test_a_prompt_weighs_as_much_as_the_audio_that_takes_as_many_positions() -> None:
    """Three tenths of a second with 5,000 key terms are no 0.3 s: they fill a twelfth of what an hour fills."""
    family = VIBEVOICE_ASR
    assert work_seconds(family, 7.5) == 7.5
    cost = work_seconds(family, 0.4, 5_000)
    assert cost == pytest.approx(0.4 + 5_000 / 13.5)
    longer = pass_positions(family, 1_000 + cost) - pass_positions(family, 1_000 + 0.4)
    assert longer == pytest.approx(5_000, abs=2)


def test_prompts_fill_the_queue_too() -> None:
    admission = exact(max_requests=100, max_audio_seconds=1_000)
    for _ in range(2):
        admission.enter().add_audio(work_seconds(VIBEVOICE_ASR, 0.4, 5_000))
    third = admission.enter()
    with pytest.raises(Overloaded, match="Too much audio"):
        third.add_audio(work_seconds(VIBEVOICE_ASR, 0.4, 5_000))


def test_who_finds_the_queue_full_of_audio_is_told_at_the_door() -> None:
    admission = exact(max_requests=10, max_audio_seconds=100)
    with admission.enter() as ticket:
        ticket.add_audio(100)
        for ask in (admission.check, admission.enter):
            with pytest.raises(Overloaded, match="Too much audio"):
                ask()
    admission.check()


def test_asking_at_the_door_takes_no_place() -> None:
    admission = exact(max_requests=1, max_audio_seconds=100)
    admission.check()
    admission.check()
    with admission.enter(), pytest.raises(Overloaded, match="All 1 places"):
        admission.check()


def test_what_goes_first_finds_room_behind_a_full_queue() -> None:
    admission = exact(max_requests=4, max_audio_seconds=100)
    for _ in range(4):
        admission.enter().add_audio(25)
    with pytest.raises(Overloaded):
        admission.enter()
    with admission.enter(Priority.HIGH) as urgent:
        urgent.add_audio(25)
        with pytest.raises(Overloaded):
            urgent.add_audio(1)
        with pytest.raises(Overloaded):
            admission.enter(Priority.HIGH)


@given(seed=st.integers(0, 2**32), queued=st.floats(0, 1e6))
def test_the_told_wait_is_jittered_and_never_longer_than_the_true_one(seed: int, queued: float) -> None:
    """Nor longer than the minute that OpenAI's older clients still wait for."""
    admission = Admission(max_requests=2, max_audio_seconds=1e9, jitter=lambda: random.Random(seed).uniform(0.8, 1))
    admission.enter().add_audio(queued)
    true = min(max(queued / admission.speed, 1), 60)
    assert 0.8 * true <= admission.retry_after <= true


def test_those_who_are_refused_together_come_back_apart() -> None:
    admission = Admission(max_requests=2, max_audio_seconds=1e9)
    admission.enter().add_audio(300)
    told = {admission.retry_after for _ in range(50)}
    assert len(told) > 40
    assert max(told) - min(told) > 3
    assert 24 <= min(told) <= max(told) <= 30
