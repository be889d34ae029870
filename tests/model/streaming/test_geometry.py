"""Windows: where they begin and end, and what a checkpoint has to say of them."""

from __future__ import annotations

from typing import Any

import pytest

from model.errors import CheckpointError
from model.family.vibevoice_asr_streaming.geometry import WindowGeometry, read_geometry
from model.tiny.recipe.network import HOP
from model.tiny.streaming.make import GEOMETRY

RELEASED = {
    "target_sample_rate": 24_000,
    "speech_tok_compress_ratio": 3_200,
    "normalize_audio": False,
    "chunk_frames": 22,
    "lookahead_frames": 4,
}


@pytest.fixture(params=[(22, 4), (15, 4), (15, 0)], ids=str)
def geometry(request: pytest.FixtureRequest) -> WindowGeometry:
    chunk, lookahead = request.param
    return read_geometry(RELEASED | {"chunk_frames": chunk, "lookahead_frames": lookahead}, "some")


def test_sizes_of_the_released_checkpoints() -> None:
    geometry = read_geometry(RELEASED, "some")
    assert (geometry.stride, geometry.window) == (70_400, 83_200)
    assert geometry.windows(24_000 * 3_600) == 1_228  # the hour that ports count some 1,230 windows for


def test_the_small_checkpoint_is_trained_on_frames_of_the_length_that_its_windows_count() -> None:
    assert GEOMETRY.hop == HOP


def test_silence_fills_up_the_last_window_and_no_other(geometry: WindowGeometry) -> None:
    for samples in (1, 3_200, geometry.stride - 1, geometry.stride, geometry.stride + 1, 10 * geometry.stride + 77):
        whole = samples + geometry.filling(samples)
        assert geometry.whole_windows(whole) == geometry.windows(samples) == -(-samples // geometry.stride)
        assert geometry.whole_windows(whole - 1) == geometry.windows(samples) - 1
    assert geometry.filling(0) == geometry.whole_windows(0) == 0


def test_frames_are_those_of_whole_windows(geometry: WindowGeometry) -> None:
    for samples in (1, 70_000, 1_000_000):
        frames = geometry.frames(samples)
        assert frames == geometry.windows(samples) * (geometry.chunk + geometry.lookahead)
        assert geometry.frames(round(geometry.seconds(frames) * 24_000)) == frames
        assert geometry.positions(samples / 24_000) == frames + 2 * geometry.windows(samples)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"chunk_frames": None}, "None for chunk_frames"),
        ({"chunk_frames": "22"}, "'22' for chunk_frames"),
        ({"chunk_frames": 0}, "0 for chunk_frames"),
        ({"chunk_frames": True}, "True for chunk_frames"),
        ({"lookahead_frames": None}, "None for lookahead_frames"),
        ({"lookahead_frames": -1}, "-1 for lookahead_frames"),
        ({"lookahead_frames": 23}, "look 23 ahead"),
        ({"target_sample_rate": 16_000}, "16000 Hz"),
        ({"speech_tok_compress_ratio": 1_920}, "a hop of 1920"),
    ],
)
def test_sizes_that_are_not_told_are_not_assumed(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(CheckpointError, match=told):
        read_geometry(RELEASED | changes, "some")
