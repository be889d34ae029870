"""Room is counted in positions of the family that the checkpoint is of, and with the windows that it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from model.errors import DeviceMemoryError, StartError
from model.family import VIBEVOICE_ASR
from model.runner.runner import Runner
from model.seam.streams import Question, StreamSpec
from model.start import load_runner
from server.engine.budget import answer_budget, context_limit, expected_tokens, pass_positions
from server.engine.capacity import Capacity, check_pass
from server.engine.errors import EngineError
from server.engine.settings import EngineSettings
from server.engine.worker.load import ModelWishes, foresee_model
from server.engine.worker.reservation import Reservations
from tests.support import streaming_twin

FIVE_MINUTES = 300.0


@pytest.fixture(scope="module")
def twin() -> Runner:
    return load_runner(str(streaming_twin.folder()), device="cpu", dtype="float32", kv_positions=8192)


def test_windows_take_more_than_frames(twin: Runner) -> None:
    """Of 15 frames, 4 more that are heard twice, and 2 markers: 10.5 positions a second in place of 7.5."""
    assert twin.info.geometry.position_rate == pytest.approx(10.5)
    more = pass_positions(twin.info.family, FIVE_MINUTES) - pass_positions(VIBEVOICE_ASR, FIVE_MINUTES)
    assert more >= 3 * FIVE_MINUTES - VIBEVOICE_ASR.prompt_tokens


def test_positions_that_hold_the_least_of_another_family_alone_are_refused(twin: Runner) -> None:
    least = pass_positions(twin.info.family, FIVE_MINUTES)
    folder = str(streaming_twin.folder())
    with pytest.raises(StartError, match=f"--kv-positions {least - 1} .* one pass, which takes {least}:"):
        foresee_model(ModelWishes(folder, device="cpu", kv_positions=least - 1))
    assert foresee_model(ModelWishes(folder, device="cpu", kv_positions=least + 64)).info.family == twin.info.family


def test_a_device_that_is_too_small_is_told_in_its_own_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("model.start.free_bytes", lambda device: 300 << 20)
    with pytest.raises(DeviceMemoryError, match=r"--min-audio-minutes asks for 5 .*GiB more"):
        foresee_model(ModelWishes(str(streaming_twin.folder()), device="cpu", dtype="float32"))


@pytest.mark.parametrize("positions", [1_024, 8_192])
def test_the_longest_recording_that_is_told_is_one_that_the_worker_takes(twin: Runner, positions: int) -> None:
    """By the runner's own count of what a stream takes; a window more is refused by both."""
    info = replace(twin.info, pages=positions // twin.info.page_size)
    reservations = Reservations(twin, context_limit(info))
    longest = Capacity.of(info, EngineSettings()).recording_seconds

    def reserve(seconds: float) -> int:
        tokens = min(answer_budget(info, seconds), expected_tokens(seconds))
        return reservations.worst(StreamSpec(info.geometry.frames_of(seconds), Question(max_tokens=tokens)))

    check_pass(info, longest)
    assert 0.9 * context_limit(info) < reserve(longest) <= context_limit(info)
    longer = longest + 8.0
    with pytest.raises(EngineError):
        check_pass(info, longer)
    with pytest.raises(EngineError):
        reserve(longer)
