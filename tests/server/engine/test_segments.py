"""In which parts a recording may be encoded: whole frames, and what else is asked for is told what would be."""

from __future__ import annotations

import pytest

from model.errors import StartError
from model.family import Geometry
from server.engine.segments import UnevenSegment, sample_frames, segment_frames
from server.engine.settings import EngineSettings
from server.engine.worker.load import check_segments
from tests.server.engine.test_scheduler import make_info

GEOMETRY = Geometry(24_000, 3200)


@pytest.mark.parametrize(
    ("seconds", "frames"), [(0.13333, 1), (0.4, 3), (2.0, 15), (8 / 3, 20), (60.0, 450), (3600.0, 27_000)]
)
def test_whole_frames_are_taken_with_few_digits_too(seconds: float, frames: int) -> None:
    assert segment_frames(GEOMETRY, seconds) == frames


@pytest.mark.parametrize("seconds", [0.01, 0.1, 1.0, 2.001, 59.99])
def test_others_are_told_what_would_be(seconds: float) -> None:
    with pytest.raises(UnevenSegment) as refused:
        segment_frames(GEOMETRY, seconds)
    told = refused.value.message.rpartition("; ")[2].removesuffix(" s are.")
    for one in told.split(" or "):
        segment_frames(GEOMETRY, float(one))


@pytest.mark.parametrize("samples", [1, 3199, 3201, 24_000])
def test_samples_are_told_in_samples(samples: int) -> None:
    with pytest.raises(UnevenSegment) as refused:
        sample_frames(GEOMETRY, samples)
    assert refused.value.in_samples
    nearest = [int(word) for word in refused.value.message.rpartition("; ")[2].split() if word.isdigit()]
    assert [sample_frames(GEOMETRY, one) for one in nearest] == [max(1, samples // 3200), max(1, samples // 3200) + 1]


def test_another_geometry_has_other_parts() -> None:
    assert segment_frames(Geometry(16_000, 1600), 1.0) == 10


def test_a_server_that_is_told_others_does_not_start() -> None:
    info = make_info(pages=10, page_size=8)
    check_segments(info, EngineSettings(segment_seconds=2.0))
    with pytest.raises(StartError, match=r"--streaming-segment-duration: .* 1 s are no multiple"):
        check_segments(info, EngineSettings(segment_seconds=1.0))
