"""Both ways to update a live window, on the bundled checkpoint."""

from __future__ import annotations

import pytest

from bench.live.engine import running_engine
from bench.live.material import Recording, recording
from bench.live.metrics import final_words, matches
from bench.live.session import run_sessions
from bench.live.steady import SteadySession, Stretch
from bench.live.windows import ObservedWindows, RedoingEngine, RedoneWindows
from model.seam.audio import SAMPLE_RATE
from server.engine.client.engine import Engine
from server.live.captions.units import plain

SECONDS = 6
WAYS: list[tuple[type[Engine], type[ObservedWindows]]] = [(Engine, ObservedWindows), (RedoingEngine, RedoneWindows)]


@pytest.fixture(scope="module")
def spoken() -> Recording:
    return recording(SECONDS, seed=0)


def test_recordings_differ_by_seed_and_end_with_their_last_word(spoken: Recording) -> None:
    again, other = recording(SECONDS, seed=0), recording(SECONDS, seed=1)
    assert again.said == spoken.said != other.said
    assert spoken.said[-1].end <= spoken.seconds <= spoken.said[-1].end + 0.21
    assert all(one.end <= two.start + 1e-6 for one, two in zip(spoken.said, spoken.said[1:], strict=False))


async def test_redone_updates_are_as_many_and_leave_nothing_on_the_device(spoken: Recording) -> None:
    stretches: list[Stretch] = []
    held: list[int] = []
    for engine_type, windows in WAYS:
        async with running_engine(engine_type, "tiny", threads=1) as (engine, vocabulary):
            session = SteadySession(engine, vocabulary, windows)
            stretches.append(await session.hear(spoken.samples))
            assert engine.stats is not None
            held.append(engine.stats.pages_used)
            await session.close()
    extended, redone = stretches
    assert abs(extended.updates - redone.updates) <= 1  # what is open at a silence may differ
    assert redone.updates >= SECONDS // 2
    assert held[0] > 0
    assert held[1] == 0
    assert 0 < extended.steps < redone.steps
    assert extended.device_seconds > 0
    assert extended.audio_seconds == spoken.samples.size / SAMPLE_RATE


@pytest.mark.parametrize(("engine_type", "windows"), WAYS)
async def test_sessions_at_wall_clock_speed_find_the_words(
    engine_type: type[Engine], windows: type[ObservedWindows], spoken: Recording
) -> None:
    async with running_engine(engine_type, "tiny", threads=1) as (engine, vocabulary):
        load = await run_sessions(engine, vocabulary, windows, [spoken, spoken])
    assert load.audio_seconds == 2 * spoken.seconds
    for session in load.sessions:
        words = final_words(session.log)
        said = [plain(word.word) for word in spoken.said]
        assert len(matches(said, [word.text for word in words])) >= 0.7 * len(said)
        assert session.backlog
        assert all(0 < word.shown <= word.committed <= session.log[-1].at for word in words)
