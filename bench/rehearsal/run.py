"""A runner on a card that is played, scene by scene, and what is wrong with each."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.rehearsal.card import GIB
from bench.rehearsal.clients import Answers, Script, play
from bench.rehearsal.fake_cuda import FakeCuda
from bench.rehearsal.memory import accept
from bench.rehearsal.watch import Watched, watched
from model.runner.runner import Runner
from server.engine.messages import FailureCode
from server.engine.worker.load import warm_up as warm_up


@dataclass(frozen=True, slots=True)
class Scene:
    """``tokens``: of the answers to all streams, None where that is open. ``fails``: streams are meant to."""

    name: str
    script: Script
    tokens: int | None = None
    fails: bool = False
    refuse_from: int | None = None
    """Allocations of so many bytes and more are refused."""
    refuse_times: int = 1 << 30


@dataclass(slots=True)
class Found:
    """What one scene showed. ``broken``: bounds that it broke. ``aborted``: the runner is of no more use."""

    scene: str
    steps: int
    recorded: int
    launches: int
    waits: int
    high_water: int
    high_water_at: str
    broken: list[str] = field(default_factory=list)
    aborted: bool = False


def start(cuda: FakeCuda, runner: Runner, warned: list[str]) -> list[str]:
    """Warm a runner up as its worker does. Returns what is wrong already; ``warned``: said while it was made."""
    warm_up(runner)
    broken = [f"warned: {each}" for each in warned]
    return broken + _of_card(cuda)


def perform(cuda: FakeCuda, runner: Runner, scene: Scene) -> Found:
    """Play a scene. Exceptions out of the runner are findings too."""
    gc.collect()
    cuda.memory.reset_peak()
    broken: list[str] = []
    aborted = False
    answers = Answers()
    with _refusing(cuda, scene), warnings_of_model() as warned, watched(cuda, runner) as seen:
        try:
            answers = play(runner, scene.script)
            runner.check_integrity()
        except Exception as error:
            aborted = True
            broken.append(f"{type(error).__name__}: {error}")
    broken += [f"warned: {each}" for each in warned if not scene.fails and scene.refuse_from is None]
    broken += _of_answers(scene, answers) + _of_steps(scene, seen) + _of_card(cuda)
    if runner.free_pages != runner.info.pages:
        broken.append(f"{runner.info.pages - runner.free_pages} pages did not come back")
    return Found(
        scene.name,
        len(seen.steps),
        sum(step.recorded for step in seen.steps),
        max((step.launched.launches for step in seen.steps), default=0),
        seen.most_waits,
        cuda.memory.peak,
        cuda.memory.peak_at,
        broken,
        aborted,
    )


def _of_answers(scene: Scene, answers: Answers) -> list[str]:
    if scene.fails:
        wrong = {code for code in answers.failed.values() if code is not FailureCode.OUT_OF_MEMORY}
        return [f"streams failed with {sorted(wrong)}"] if wrong else []
    broken = [f"stream {number} failed: {code}" for number, code in answers.failed.items()]
    if scene.tokens is not None:
        wrong_tokens = {number: count for number, count in answers.tokens.items() if count % scene.tokens}
        broken += [f"stream {number} has {count} answer tokens" for number, count in wrong_tokens.items()]
    return broken


def _of_steps(scene: Scene, seen: Watched) -> list[str]:
    if scene.refuse_from is not None:
        return []  # where memory is short, the host waits to get some back
    broken = []
    for step in seen.steps:
        if step.launched.waits:
            broken.append(f"a launch waits for the device: {dict(step.launched.waits)}")
        elif step.waits.total() > 1:
            broken.append(f"a step waits {step.waits.total()} times: {dict(step.waits)}")
        if step.late:
            broken.append("rows wait for the encoding that was launched with them")
    broken = [f"{text} ({broken.count(text)} steps)" for text in dict.fromkeys(broken)]
    if seen.compiled:
        broken.append(f"kernels were compiled while somebody waited: {dict(seen.compiled)}")
    if unshared := sum(step.launched.unshared.total() for step in seen.steps):
        broken.append(f"attention to rows of one query read its keys several times, in {unshared} calls")
    return broken


def _of_card(cuda: FakeCuda) -> list[str]:
    """Faults since the last time."""
    found = [f"{text}, {count} times" for text, count in cuda.faults.found.items()]
    cuda.faults.found.clear()
    return found


@contextmanager
def _refusing(cuda: FakeCuda, scene: Scene) -> Iterator[None]:
    left = scene.refuse_times

    def refuse(size: int, _place: str) -> bool:
        nonlocal left
        if scene.refuse_from is None or size < scene.refuse_from or not left:
            return False
        left -= 1
        return True

    cuda.memory.refuse = refuse
    try:
        yield
    finally:
        cuda.memory.refuse = accept


@contextmanager
def warnings_of_model() -> Iterator[list[str]]:
    """What ``model`` warns of inside, such as steps that could not be recorded."""
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logging.getLogger("model").addHandler(listener)
    try:
        yield said
    finally:
        logging.getLogger("model").removeHandler(listener)


def gib(size: int) -> str:
    """Bytes as a table shows them."""
    return f"{size / GIB:.2f}"
