"""What is read of a worker that is gone: what it wrote last, whatever it died of."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from server.engine.blackbox import BlackBox


def work(box: BlackBox, how: str) -> None:
    """Until it dies over its second step."""
    box.beat()
    box.begin_turn()
    box.begin_call(9)
    box.end_call()
    box.begin_step([1, 2, 3])
    box.keep_steps(0)
    box.begin_step(range(4, 700))
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    os.abort()


@pytest.mark.parametrize("how", ["killed", "aborted"])
def test_what_was_in_hand_is_read_after_any_death(how: str) -> None:
    box = BlackBox.to_share()
    process = multiprocessing.get_context("spawn").Process(target=work, args=(box, how))
    process.start()
    box.shared()
    process.join()
    assert process.exitcode in (-signal.SIGKILL, -signal.SIGABRT)
    assert box.in_hand == frozenset(range(4, 700))
    assert (box.beats, box.turn) == (1, 1)
    process.close()
    box.close()


def test_steps_are_forgotten_when_it_is_said_that_they_are_over() -> None:
    box = BlackBox()
    for number in range(1, 5):
        box.begin_step([number, 10 + number])
    assert box.in_hand == {2, 12, 3, 13, 4, 14}, "of three steps"
    box.keep_steps(2)
    assert box.in_hand == {3, 13, 4, 14}
    box.begin_call(77)
    assert box.in_hand == {3, 13, 4, 14, 77}
    box.end_call()
    box.begin_step([])
    box.keep_steps(1)
    assert box.in_hand == frozenset()


def test_more_streams_than_there_is_room_for_are_cut() -> None:
    box = BlackBox()
    box.begin_step(range(1, 5000))
    assert box.in_hand == frozenset(range(1, 1025))
    box.begin_step([5000])
    box.keep_steps(1)
    assert box.in_hand == {5000}
