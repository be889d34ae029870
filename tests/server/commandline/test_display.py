"""How far a recording is, as the row of `transcribe` tells it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server.commandline.transcribe import display
from server.commandline.transcribe.display import LogDisplay, Row, clock

Pass = Callable[[float], None]


@pytest.fixture
def time_passes(monkeypatch: pytest.MonkeyPatch) -> Pass:
    """Seconds that pass without being waited for."""
    now = 1000.0

    def pass_by(seconds: float) -> None:
        nonlocal now
        now += seconds

    monkeypatch.setattr(display, "monotonic", lambda: now)
    return pass_by


@pytest.fixture
def row(time_passes: Pass) -> Row:
    return LogDisplay(quiet=False, verbose=False).begin("talk.wav")


def test_a_row_tells_how_much_is_heard_how_fast_and_how_long_it_will_take(row: Row, time_passes: Pass) -> None:
    assert str(row) == "waiting"
    row.sending(0.25)
    assert str(row) == "sending, 25%"
    row.sending(1.0)
    assert str(row) == "reading"
    time_passes(60)  # of reading, which the speed does not count
    row.heard(0.0, 3900.0)
    assert (str(row), row.speed, row.left) == ("0:00 of 1:05:00", None, None)
    time_passes(20)
    row.heard(900.0, 3900.0)
    assert str(row) == "15:00 of 1:05:00, 45.0x, 1:07 left"
    time_passes(40)
    row.heard(3900.0, 3900.0)
    assert str(row) == "1:05:00 of 1:05:00, 65.0x, 0:00 left"


def test_what_was_waited_for_does_not_count(row: Row, time_passes: Pass) -> None:
    """Who is told to come back later begins anew."""
    row.heard(0.0, 600.0)
    time_passes(30)
    row.heard(30.0, 600.0)
    row.waiting("the server is busy")
    assert (row.doing, row.speed) == ("the server is busy", None)
    time_passes(300)
    row.heard(0.0, 600.0)
    time_passes(10)
    row.heard(100.0, 600.0)
    assert str(row) == "1:40 of 10:00, 10.0x, 0:50 left"


def test_a_log_says_it_of_every_recording_that_is_in_work(
    time_passes: Pass, capsys: pytest.CaptureFixture[str]
) -> None:
    log = LogDisplay(quiet=False, verbose=False)
    rows = [log.begin("talk.wav"), log.begin("other.wav"), log.begin("done.wav")]
    rows[0].heard(0.0, 120.0)
    time_passes(4)
    rows[0].heard(60.0, 120.0)
    log.end(rows[2], "")
    log.report()
    assert capsys.readouterr().err == "talk.wav: 1:00 of 2:00, 15.0x, 0:04 left\nother.wav: waiting\n"


@pytest.mark.parametrize(("seconds", "told"), [(0, "0:00"), (65.4, "1:05"), (59.6, "1:00"), (7384, "2:03:04")])
def test_clocks_have_hours_where_there_are_any(seconds: float, told: str) -> None:
    assert clock(seconds) == told
