"""What the operator of a GPU that is too small reads, and that steps stay within what was planned."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from model.family import VIBEVOICE_ASR
from model.seam.runner import RunnerInfo
from model.seam.steps import StepSizes
from server.engine.budget import answer_budget, pass_positions, pass_seconds
from server.engine.worker.shortage import shortage

GIB = 1 << 30


@dataclass(frozen=True)
class Plan:
    available: int = 8 * GIB
    parts: dict[str, int] = field(default_factory=lambda: {"decoder": 12 * GIB, "encoders": GIB, "step graphs": 0})
    position: int = 57_344


@dataclass(frozen=True)
class Short:
    with_weights: dict[str, int]
    positions: int = 0
    plan: Plan = Plan()


def test_weights_that_fit_are_named_with_what_they_hold() -> None:
    told = shortage(Short({"int8": 300, "nf4": 18_176}), VIBEVOICE_ASR, 300)
    assert told == (
        "The GPU's memory of 8.00 GiB has room for 0 minutes of audio in one pass and --min-audio-minutes asks for 5 "
        "(decoder 12.00, encoders 1.00): take --weights nf4 (22 minutes)."
    )


def test_where_no_weights_fit_the_card_is_too_small() -> None:
    assert "take a card with 5.2 GiB more, smaller --max-rows" in shortage(Short({"nf4": 0}), VIBEVOICE_ASR, 300)


@pytest.mark.parametrize("seconds", [1.0, 300.0, 3600.0, 12_345.6])
def test_a_pass_of_so_many_positions_holds_so_many_seconds(seconds: float) -> None:
    positions = pass_positions(VIBEVOICE_ASR, seconds)
    assert pass_seconds(VIBEVOICE_ASR, positions) <= seconds < pass_seconds(VIBEVOICE_ASR, positions + 3)


def test_a_recording_of_that_length_gets_the_answer_of_ordinary_talk() -> None:
    positions = pass_positions(VIBEVOICE_ASR, 300)
    info = RunnerInfo("", "", VIBEVOICE_ASR, 1, positions, 131_072, frozenset(), "", "", "")
    assert answer_budget(info, 300) == 300 * 6 + 256


def test_steps_stay_within_what_was_planned() -> None:
    settings = StepSizes(max_rows=32, prefill_positions=2048, encode_frames=40)
    assert settings.within(None) is settings
    kept = settings.within(StepSizes(max_rows=32, prefill_positions=512, encode_frames=48))
    assert (kept.max_rows, kept.prefill_positions, kept.encode_frames) == (32, 512, 40)
