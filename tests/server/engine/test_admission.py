"""Who is let in, who is told to come back and when."""

from __future__ import annotations

import pytest

from server.engine.client.admission import Admission, Overloaded


def test_requests_are_counted_until_they_leave() -> None:
    admission = Admission(max_requests=2, max_audio_seconds=100)
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
    admission = Admission(max_requests=10, max_audio_seconds=100)
    with admission.enter() as first, admission.enter() as second:
        first.add_audio(60)
        second.add_audio(40)
        with pytest.raises(Overloaded, match="Too much audio"):
            second.add_audio(0.1)
        first.leave()
        second.add_audio(60)
        assert admission.audio_seconds == 100
    assert admission.audio_seconds == 0


def test_a_recording_longer_than_the_limit_is_taken_when_it_is_alone() -> None:
    admission = Admission(max_requests=10, max_audio_seconds=100)
    with admission.enter() as long, admission.enter() as other:
        long.add_audio(200)
        with pytest.raises(Overloaded):
            other.add_audio(1)


def test_retry_after_is_the_queue_at_the_measured_speed() -> None:
    admission = Admission(max_requests=1, max_audio_seconds=1000)
    with admission.enter() as ticket:
        ticket.add_audio(600)
        admission.completed(100, started=0, ended=5)  # 20 times real time
        with pytest.raises(Overloaded) as caught:
            admission.enter()
        assert caught.value.retry_after == pytest.approx(30)


def test_recordings_side_by_side_count_their_time_once() -> None:
    admission = Admission(max_requests=1, max_audio_seconds=1000)
    for _ in range(4):
        admission.completed(50, started=10, ended=20)
    assert 13 < admission.speed < 25
    admission.completed(0, started=15, ended=25)
    assert admission.speed < 20


@pytest.mark.parametrize(("queued", "expected"), [(0.1, 1), (100_000, 60)])
def test_retry_after_stays_within_a_second_and_a_minute(queued: float, expected: float) -> None:
    admission = Admission(max_requests=1, max_audio_seconds=1000)
    with admission.enter() as ticket:
        ticket.add_audio(queued)
        assert admission.retry_after == expected


def test_the_speed_forgets() -> None:
    admission = Admission(max_requests=1, max_audio_seconds=1000)
    for hour in range(60):
        admission.completed(100, started=hour, ended=hour + 1)
    for hour in range(60, 120):
        admission.completed(10, started=hour, ended=hour + 1)
    assert admission.speed == pytest.approx(10, rel=0.05)


def test_audio_of_less_than_a_second_is_audio_too() -> None:
    admission = Admission(max_requests=10, max_audio_seconds=100)
    with admission.enter() as short, admission.enter() as long:
        short.add_audio(0.5)
        with pytest.raises(Overloaded, match="Too much audio"):
            long.add_audio(99.6)


def test_sums_leave_no_rounding_behind() -> None:
    """Or a recording longer than the limit would never find the queue empty again."""
    admission = Admission(max_requests=10, max_audio_seconds=100)
    tickets = [admission.enter() for _ in range(3)]
    for ticket, seconds in zip(tickets, (0.1, 0.7, 0.3), strict=True):
        ticket.add_audio(seconds)
    assert (0.1 + 0.7 + 0.3) - 0.1 - 0.7 - 0.3 != 0
    for ticket in tickets:
        ticket.leave()
    assert admission.audio_seconds == 0
    with admission.enter() as long:
        long.add_audio(200)
