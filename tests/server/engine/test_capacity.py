"""What is told that there is room for is what a worker admits, and what never fits is refused before any work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.errors import StartError
from model.family import VIBEVOICE_ASR, VIBEVOICE_ASR_STREAMING
from model.seam.runner import RunnerInfo
from model.seam.steps import StepSizes
from model.seam.streams import Priority, Question, StreamSpec
from server.engine.blackbox import BlackBox
from server.engine.budget import answer_budget, context_limit, live_answer_budget, pass_seconds
from server.engine.capacity import LENGTHS, Capacity, check_pass, longest_pass
from server.engine.errors import EngineError
from server.engine.messages import FailureCode, OpenStream
from server.engine.settings import EngineSettings
from server.engine.worker.load import check_room
from server.engine.worker.scheduler import Scheduler
from server.engine.worker.streams import Streams
from tests.support.scripted_runner import ScriptedRunner

WINDOW = 31.0
GPU_PAGE = 256


class WordyRunner(ScriptedRunner):
    """Its prompt is as long as the family's may be."""

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        return frames + VIBEVOICE_ASR.prompt_tokens


def runner(positions: int, page_size: int = GPU_PAGE, drafts: int = 24) -> WordyRunner:
    return WordyRunner(pages=positions // page_size, page_size=page_size, max_positions=131_072, drafts=drafts)


def engine(live_streams: int = 0, max_rows: int = 500) -> EngineSettings:
    steps = StepSizes(max_rows, prefill_positions=2048)
    return EngineSettings(steps=steps, live_streams=live_streams, live_seconds=WINDOW)


def admitted(scripted: ScriptedRunner, settings: EngineSettings, seconds: float, *, live: bool = False) -> int:
    """Streams of that length that the worker runs at once, when there are more than enough."""
    info = scripted.info
    scheduler = Scheduler(settings, info)
    streams = Streams(scripted, scheduler, clock=lambda: 0.0, out_of_memory=(MemoryError,), box=BlackBox())
    budget = live_answer_budget(info, seconds) if live else answer_budget(info, seconds)
    spec = StreamSpec(
        info.geometry.frames_of(seconds),
        Question(max_tokens=budget),
        priority=Priority.LIVE if live else Priority.NORMAL,
    )
    for number in range(1, 600):
        streams.handle(OpenStream(number, f"r{number}", spec))
    streams.admit()
    return len(scheduler.running)


@pytest.mark.parametrize("positions", [4_096, 18_432, 49_408, 100_096, 400_128])
@pytest.mark.parametrize(("live_streams", "max_rows"), [(0, 500), (32, 500), (4, 3)])
def test_as_many_recordings_are_admitted_as_are_told(positions: int, live_streams: int, max_rows: int) -> None:
    settings = engine(live_streams, max_rows)
    told = Capacity.of(runner(positions).info, settings)
    assert told.recordings == {seconds: admitted(runner(positions), settings, seconds) for seconds in LENGTHS}


@pytest.mark.parametrize("live_streams", [1, 8, 64])
def test_as_many_live_sessions_are_admitted_as_are_told(live_streams: int) -> None:
    told = Capacity.of(runner(18_432).info, engine(live_streams))
    assert told.live_sessions == min(live_streams, admitted(runner(18_432), engine(64), WINDOW, live=True))


def test_longer_ones_come_in_windows() -> None:
    settings = replace(engine(), window_seconds=600.0)
    told = Capacity.of(runner(49_408).info, settings)
    assert told.recordings[3600] == told.recordings[600] == admitted(runner(49_408), settings, 600.0) == 5
    assert told.window_seconds == 600.0 < told.pass_seconds


def test_a_model_that_writes_by_turns_has_no_windows_of_ours() -> None:
    info = replace(runner(18_432).info, family=VIBEVOICE_ASR_STREAMING)
    told = Capacity.of(info, replace(engine(), window_seconds=600.0))
    assert told.recording_seconds == told.window_seconds == told.pass_seconds < 3600
    assert told.recordings[3600] == 0
    check_pass(info, int(told.recording_seconds))
    with pytest.raises(EngineError):
        check_pass(info, told.recording_seconds + 10)
    assert "recordings of up to 19 min" in told.sentence(14_400.0)


def test_the_longest_pass_is_admitted_and_no_longer_one() -> None:
    for positions in (4_096, 49_408, 400_128):
        longest = int(Capacity.of(runner(positions).info, engine()).pass_seconds)
        assert admitted(runner(positions), engine(), longest) >= 1
        assert admitted(runner(positions), engine(), longest + 2) == 0


def test_the_worker_bounds_its_rows_by_what_was_planned() -> None:
    class Small(WordyRunner):
        @property
        def info(self) -> RunnerInfo:
            return replace(super().info, largest_step=StepSizes(max_rows=2))

    small = Small(pages=4_000, page_size=GPU_PAGE, max_positions=131_072)
    assert Capacity.of(small.info, engine()).recordings[60] == 2


# ---------------------------------------------------------------------------------------------- what never fits


def test_what_fits_alone_passes_and_may_wait() -> None:
    info = runner(49_408).info
    check_pass(info, 3_600)
    check_pass(info, int(pass_seconds(info.family, context_limit(info))))


def test_what_never_fits_is_refused_with_the_limit_and_the_way_out() -> None:
    info = runner(49_408).info
    with pytest.raises(EngineError) as caught:
        check_pass(info, 7_200)
    assert caught.value.code is FailureCode.TOO_LONG
    told, longest = caught.value.message, pass_seconds(info.family, context_limit(info))
    assert told.startswith("7200 s of audio heard at once take 97552 positions")
    assert f"room for {49_408 - 24}, which is {int(longest)} s" in told
    for way_out in ("send less", "--window-minutes", "--kv-positions"):
        assert way_out in told


def test_a_prompt_and_a_wish_for_a_short_answer_count() -> None:
    info = runner(49_408).info
    with pytest.raises(EngineError):
        check_pass(info, 3_600, context_tokens=1_000)
    check_pass(info, 3_600, context_tokens=1_000, answer_tokens=5_000)
    check_pass(info, 6_000, answer_tokens=1_000)


def test_the_longest_pass_passes_whatever_answer_is_wanted() -> None:
    info = runner(20_000).info
    for tokens in (None, 1, 1_000, 10**400):
        longest = longest_pass(info, answer_tokens=tokens)
        check_pass(info, longest - 1, answer_tokens=tokens)
        with pytest.raises(EngineError):
            check_pass(info, longest + 1, answer_tokens=tokens)


def test_a_server_without_useful_room_does_not_start() -> None:
    info = runner(4_096).info
    with pytest.raises(StartError, match=r"--min-audio-minutes asks for 5 .* hold 4072 positions, which are 4\.6"):
        check_room(info, min_audio_seconds=300, live_seconds=WINDOW)
    with pytest.raises(StartError, match="--live-window-seconds 600 take 8452 positions"):
        check_room(info, min_audio_seconds=60, live_seconds=600)
    check_room(info, min_audio_seconds=60, live_seconds=WINDOW)
