"""When a worker counts as one that hangs: by its beats, its turns, and by what it does while it loads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from server.engine.blackbox import BlackBox
from server.engine.client.watchdog import Watchdog
from tests.support.processes import wait_until

TIMEOUT = 30.0


@pytest.fixture
def box() -> BlackBox:
    return BlackBox()


def watching(box: BlackBox) -> Watchdog:
    dog = Watchdog(box, os.getpid(), timeout=TIMEOUT, load_timeout=60.0)
    dog.loaded()
    dog.look(1.0)
    return dog


def test_silence_adds_up_until_a_beat(box: BlackBox) -> None:
    dog = watching(box)
    box.beat()
    assert dog.look(1.0) == 0
    assert [dog.look(10.0) for _ in range(2)] == pytest.approx([1 / 3, 2 / 3])
    box.beat()
    assert dog.look(10.0) == 0
    assert [dog.look(10.0) for _ in range(3)][-1] == dog.overdue == 1


def look(dog: Watchdog, box: BlackBox, seconds: float) -> float:
    """While its thread beats."""
    box.beat()
    return dog.look(seconds)


def test_a_turn_that_goes_on_is_overdue_and_one_after_the_other_is_not(box: BlackBox) -> None:
    dog = watching(box)
    for _ in range(10):
        box.begin_turn()
        assert look(dog, box, 20.0) == 0
        box.end_turn(0.1)
    assert look(dog, box, 100.0) == 0, "it rests"
    box.begin_turn()
    look(dog, box, 1.0)
    assert look(dog, box, 15.0) == pytest.approx(0.5)
    assert look(dog, box, 15.0) == 1


@pytest.mark.parametrize(("longest", "patience"), [(0.1, TIMEOUT), (2.9, TIMEOUT), (12.0, 120.0)])
def test_a_turn_may_take_ten_times_as_long_as_those_before(box: BlackBox, longest: float, patience: float) -> None:
    dog = watching(box)
    for seconds in (longest, 0.05):
        box.begin_turn()
        box.end_turn(seconds)
    assert dog.patience == pytest.approx(patience, rel=0.01)
    box.begin_turn()
    look(dog, box, 1.0)
    assert look(dog, box, 0.98 * patience) < 1 <= look(dog, box, 0.03 * patience)


def test_what_took_long_once_is_forgotten(box: BlackBox) -> None:
    for seconds in (12.0, *(0.05 for _ in range(3000))):
        box.begin_turn()
        box.end_turn(seconds)
    assert box.longest_turn < 3


def test_while_it_loads_a_worker_may_do_nothing_for_a_while_only(box: BlackBox) -> None:
    program = "import signal; print('loads', flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"loads\n"
        dog = Watchdog(box, process.pid, timeout=TIMEOUT, load_timeout=60.0)
        dog.look(0.0)
        assert [dog.look(20.0) for _ in range(3)] == pytest.approx([1 / 3, 2 / 3, 1])
        process.kill()


def test_while_it_loads_a_worker_that_computes_may_take_any_time(box: BlackBox) -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as process:
        dog = Watchdog(box, process.pid, timeout=TIMEOUT, load_timeout=60.0)
        for _ in range(5):
            before = computed(process.pid)
            wait_until(lambda before=before: computed(process.pid) >= before + 2, "it computes", 60)  # type: ignore[misc]
            assert dog.look(50.0) == 0
        process.kill()


def computed(pid: int) -> int:
    """Ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_worker_that_is_gone_is_not_said_to_hang(box: BlackBox) -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        pass
    dog = Watchdog(box, process.pid, timeout=TIMEOUT, load_timeout=60.0)
    assert [dog.look(100.0) for _ in range(3)] == [0, 0, 0]
