"""Where another window begins behind an answer that ended early."""

from __future__ import annotations

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.recordings.sound import WholeSound
from server.recordings.windowed.cutting import Cutting
from server.recordings.windowed.windowing import Windowing

SECONDS = 80.0
TOLD = 10.0


def speech(*pauses: tuple[float, float]) -> Samples:
    """Loud but in the pauses, which are from one second to another."""
    samples = np.random.default_rng(0).standard_normal(round(SECONDS * SAMPLE_RATE)) * 0.1
    for start, end in pauses:
        samples[round(start * SAMPLE_RATE) : round(end * SAMPLE_RATE)] *= 1e-3
    return samples.astype(np.float32)


def loud(samples: Samples, level: Level) -> bool:
    return bool(np.any(np.abs(samples) > 0.1))


@pytest.mark.parametrize(
    ("pauses", "begins"),
    [
        ([(9.8, 10.6)], 10.3),  # a pause in which the segment ends
        ([(12.0, 13.0)], 12.5),  # one that comes: until then it may be the segment itself
        ([(10.0, 60.0)], 25.0),  # nobody says anything for long, but then somebody does
        ([], 10.5),  # nobody ever pauses
        ([(10.0, 80.0)], None),  # nobody speaks any more
    ],
)
async def test_the_next_window_begins_where_somebody_was_left_out(
    pauses: list[tuple[float, float]], begins: float | None
) -> None:
    cutting = Cutting(WholeSound(speech(*pauses), Level()), Windowing(has_speech=loud), None)
    found = await cutting.left_out(0, round(TOLD * SAMPLE_RATE), round(SECONDS * SAMPLE_RATE))
    if begins is None:
        assert found is None
    else:
        assert found is not None
        assert found / SAMPLE_RATE == pytest.approx(begins, abs=0.51)


async def test_what_lies_between_two_windows_anyway_is_not_looked_at() -> None:
    cutting = Cutting(WholeSound(speech(), Level()), Windowing(has_speech=loud), None)
    assert await cutting.left_out(0, round(TOLD * SAMPLE_RATE), round((TOLD + 0.9) * SAMPLE_RATE)) is None
