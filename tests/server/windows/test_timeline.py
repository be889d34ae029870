"""Where a window's audio comes from, and back."""

from __future__ import annotations

from model.seam.audio import SAMPLE_RATE
from server.windows.timeline import Timeline


def test_a_timeline_leaves_gaps_out_and_finds_its_way_back() -> None:
    timeline = Timeline()
    timeline.add(10 * SAMPLE_RATE, 2 * SAMPLE_RATE)
    timeline.add(12 * SAMPLE_RATE, SAMPLE_RATE)
    timeline.add(20 * SAMPLE_RATE, SAMPLE_RATE)
    assert timeline.seconds == 4.0
    assert timeline.start(1.0) == 11.0
    assert timeline.start(3.0) == 20.0
    assert timeline.end(3.0) == 13.0
    assert timeline.end(3.5) == 20.5
    assert timeline.window(11.0) == 1.0
    assert timeline.window(20.5) == 3.5
    assert timeline.window(15.0) == 3.0
