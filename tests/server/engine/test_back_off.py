"""How long is waited after a death, and that a cause which was found is none to wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from model.seam.streams import Question
from server.engine.client.back_off import BackOff
from server.engine.errors import EngineError
from server.engine.settings import EngineSettings
from tests.server.engine.test_engine_client import Slow, open_stream, ready_engine, silence
from tests.support.scripted_runner import Trouble

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine

SETTINGS = EngineSettings(restart_delay=0.5, restart_delay_max=3.0)


def test_each_death_doubles_it_up_to_a_limit() -> None:
    back_off = BackOff(SETTINGS)
    assert [back_off.after(lived, found=False) for lived in (1.0, None, 2.9, None, None)] == [0.5, 1.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(("lived", "found"), [(3.1, False), (0.1, True)], ids=["lived long", "culprit found"])
def test_it_begins_anew(lived: float, found: bool) -> None:
    back_off = BackOff(SETTINGS)
    for _ in range(2000):
        back_off.after(None, found=False)
    assert [back_off.after(lived, found=found), back_off.after(0.1, found=False)] == [0.5, 1.0]


async def test_who_is_convicted_leaves_nothing_to_wait_for(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two deaths in company or without proof, and one alone."""
    told: list[tuple[bool, bool]] = []
    after = BackOff.after

    def noted(self: BackOff, lived: float | None, *, found: bool) -> float:
        told.append((lived is not None, found))
        return after(self, lived, found=found)

    monkeypatch.setattr(BackOff, "after", noted)
    engine = await ready_engine(start_engine, Slow)
    culprit = Question(Trouble.CRASHED, max_tokens=5)
    async with open_stream(engine, culprit) as stream:
        await stream.append(silence(10))
        with pytest.raises(EngineError):
            await stream.ask(culprit, last=True).read()
    assert told == [(True, False), (True, False), (True, True)]
