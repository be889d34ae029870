"""A runner that fails in a call for one stream: that stream has failed, and nothing of it is left."""

from __future__ import annotations

import pytest

from model.seam.audio import Level
from model.seam.streams import Question
from server.engine.messages import FailureCode
from tests.server.engine.test_streams import Worker
from tests.support.scripted_runner import ScriptedRunner


class Faulty(ScriptedRunner):
    """Its memory is used up by whatever is called ``fault``."""

    fault = ""

    def open(self, stream: int, level: Level, *, system: str = "") -> None:
        self._check("open")
        super().open(stream, level, system=system)

    def ask(self, stream: int, question: Question) -> str:
        self._check("ask")
        return super().ask(stream, question)

    def crop(self, stream: int) -> None:
        self._check("crop")
        super().crop(stream)

    def _check(self, call: str) -> None:
        if call == self.fault:
            raise MemoryError


@pytest.mark.parametrize("fault", ["open", "ask", "crop"])
def test_what_fails_is_told_once_with_its_reason_and_keeps_nothing(fault: str) -> None:
    runner = Faulty()
    runner.fault = fault
    worker = Worker(runner)
    worker.open(1, frames=1)
    worker.hear(1, 1)
    worker.ask(1)
    worker.rest()
    assert worker.failed == [(1, FailureCode.OUT_OF_MEMORY)]
    assert not worker.done, "it would be answered and have failed"
    assert not worker.streams
    assert not runner.streams
    assert (worker.scheduler.waiting, worker.scheduler.reserved_pages) == (0, 0)
