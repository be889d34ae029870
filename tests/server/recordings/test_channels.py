"""Which channels are heard: all with something in them, and what is in two of them once."""

from __future__ import annotations

import numpy as np
import pytest

from model.seam.audio import SAMPLE_RATE, Samples
from server.recordings.channels import Audibility, audible
from tests.server.recordings.conftest import noise

ONE, OTHER = noise(2.0), noise(2.001)[: noise(2.0).size]
SILENT = np.zeros_like(ONE)


def sixteen_bits(samples: Samples) -> Samples:
    return (np.round(samples * 32768) / 32768).astype(np.float32)


@pytest.mark.parametrize(
    ("channels", "heard"),
    [
        ([ONE], [0]),
        ([SILENT], []),
        ([ONE, OTHER], [0, 1]),
        ([ONE, SILENT], [0]),
        ([SILENT, ONE], [1]),
        ([SILENT, SILENT], []),
        ([ONE, OTHER, SILENT, SILENT, ONE, OTHER], [0, 1]),
        ([ONE, np.roll(ONE, 1)], [0, 1]),
        ([ONE, OTHER * 2e-4], [0]),
        ([ONE, OTHER * 1e-3], [0, 1]),
        ([ONE * 1e-6, OTHER * 1e-6], [0, 1]),
        ([ONE, ONE + 0.01 * OTHER], [0, 1]),
    ],
    ids=[
        "one", "silence", "two", "the second is silent", "the first is silent", "both are silent", "six", "an echo",
        "dither", "somebody far away", "floats of any level", "somebody in the background of the same",
    ],
)  # fmt: skip
def test_channels_that_are_heard(channels: list[Samples], heard: list[int]) -> None:
    assert audible(channels)[0] == heard


@pytest.mark.parametrize(
    "copy",
    [ONE, ONE * 0.5, -ONE, sixteen_bits(ONE * 0.3), ONE * 3],
    ids=["the same", "softer", "turned over", "rounded", "louder"],
)
def test_one_sound_on_two_channels_is_heard_once_and_said(copy: Samples) -> None:
    heard, notes = audible([sixteen_bits(ONE), SILENT, copy.astype(np.float32)])
    assert (heard, len(notes)) == ([0], 1)
    assert "Channels 0 and 2 are the same" in notes[0]


def test_what_is_said_once_in_an_hour_is_not_overlooked() -> None:
    """The last of many slices, on a channel that is otherwise the other one again."""
    long = np.tile(ONE, 60)
    with_a_word = long.copy()
    with_a_word[-2_000:] += 0.001
    assert audible([long, with_a_word])[0] == [0, 1]
    only_a_word = np.zeros_like(long)
    only_a_word[-2_000:] = 0.001
    assert audible([long, only_a_word])[0] == [0, 1]


def in_pieces(channels: list[Samples], seconds: float = 0.5) -> tuple[Audibility, list[list[int]]]:
    """As they come, and who was heard behind each piece."""
    found, heard = Audibility(), []
    for start in range(0, channels[0].size, round(seconds * SAMPLE_RATE)):
        found.add([channel[start : start + round(seconds * SAMPLE_RATE)] for channel in channels])
        heard.append(found.heard)
    return found, heard


@pytest.mark.parametrize(
    "channels",
    [
        [ONE, OTHER],
        [ONE, SILENT],
        [SILENT, SILENT],
        [ONE, OTHER, SILENT, SILENT, ONE, OTHER],
        [SILENT, sixteen_bits(ONE), sixteen_bits(ONE * 0.3), -sixteen_bits(ONE)],
        [ONE, ONE + 0.01 * OTHER],
        [ONE * 1e-6, OTHER * 1e-6],
    ],
    ids=["two", "one", "none", "six", "copies", "background", "soft"],
)
def test_channels_that_come_in_pieces_are_those_of_the_whole(channels: list[Samples]) -> None:
    found, heard = in_pieces(channels)
    assert (found.heard, found.notes) == audible(channels)
    assert heard == [found.heard] * len(heard)


def test_what_has_something_of_its_own_later_is_heard_from_then_on() -> None:
    """A voice behind silence, one that leaves a copy, and one that falls silent again."""
    half = ONE.size // 2
    later, leaving, again = ONE.copy(), ONE.copy(), OTHER.copy()
    later[:half] = again[half:] = 0
    leaving[half:] = OTHER[half:]
    found, heard = in_pieces([ONE, later, leaving, again])
    assert heard == [[0, 3], [0, 3], [0, 1, 2, 3], [0, 1, 2, 3]]
    assert found.notes == []


def test_a_channel_that_comes_up_late_was_silent() -> None:
    found = Audibility()
    found.add([ONE])
    found.add([ONE, OTHER])
    assert (found.heard, found.notes) == ([0, 1], [])
    found = Audibility()
    found.add([ONE])
    found.add([ONE, ONE])
    assert found.heard == [0, 1], "it is not the first one again: that was heard before"
