"""Whatever is said in whatever language: what two windows hear alike is there once, as if heard at once."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow
from server.transcript.stitching.stitcher import Stitcher
from tests.server.transcript.stitching.conversations import SENTENCES, TAGS, borders, conversations, windows_of


def _stitched(windows: list[HeardWindow], overlap: float = 8.0) -> list[Segment]:
    stitcher = Stitcher(overlap)
    return [segment for window in windows for segment in stitcher.add(window)] + stitcher.finish()


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_a_transcript_cut_in_overlapping_windows_comes_back_as_it_was(data: st.DataObject) -> None:
    said = data.draw(conversations())
    windows = windows_of(said, data.draw(borders(said[-1].end)))
    found = _stitched(windows)
    assert [(one.index, one.speaker, one.text) for one in found] == [(one.index, one.speaker, one.text) for one in said]
    assert [one.start for one in found] == pytest.approx([one.start for one in said], abs=0.01)
    assert [one.end for one in found] == pytest.approx([one.end for one in said], abs=0.01)


@st.composite
def _anything(draw: st.DrawFn, start: float, end: float) -> HeardWindow:
    """A window as no model should write it: segments in any order, across each other, outside of it."""
    times = st.floats(-5.0, end - start + 5.0)
    segments = draw(
        st.lists(
            st.builds(
                Segment,
                st.just(0),
                times,
                times,
                st.one_of(st.none(), st.integers(0, 4)),
                st.sampled_from((*SENTENCES, *TAGS, "[Unintelligible Speech]", "...")),
            ),
            max_size=12,
        )
    )
    vectors = st.lists(st.floats(-1.0, 1.0, width=32), min_size=3, max_size=3).map(np.array)
    return HeardWindow(start, end, tuple(segments), draw(st.dictionaries(st.integers(0, 5), vectors, max_size=4)))


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_far_from_the_seam_nothing_changes_but_numbers(data: st.DataObject) -> None:
    overlap = data.draw(st.floats(0.0, 12.0))
    a, b = data.draw(_anything(0.0, 40.0)), data.draw(_anything(40.0 - overlap, 80.0))
    found = _stitched([a, b], overlap)
    shown = Counter((one.start, one.end, one.text) for one in found)
    early = [one for one in a.placed() if one.end < b.start - 6.0]
    late = [one for one in b.placed() if one.start > a.end + 6.0]
    assert Counter((one.start, one.end, one.text) for one in (*early, *late)) <= shown
    numbers = {(one.text, one.start, one.end, one.speaker) for one in found}
    assert {(one.text, one.start, one.end, one.speaker) for one in early} <= numbers


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_times_are_in_order_and_within_the_recording_and_nobody_is_two(data: st.DataObject) -> None:
    edges = sorted(data.draw(st.lists(st.floats(0.0, 100.0), min_size=2, max_size=5)))
    windows = [data.draw(_anything(max(first - 6.0, 0.0), last)) for first, last in pairwise(edges)]
    found = _stitched(windows, data.draw(st.floats(0.0, 10.0)))
    assert [one.index for one in found] == list(range(len(found)))
    assert [one.start for one in found] == sorted(one.start for one in found)
    assert all(0.0 <= one.start <= one.end <= edges[-1] for one in found)
    speakers = {one.speaker for one in found if one.speaker is not None}
    first = {one.speaker for one in windows[0].segments if one.speaker is not None}
    assert len(speakers) <= sum(len({one.speaker for one in window.segments}) for window in windows)
    assert all(one.speaker in first | {None} for one in found if one.end < windows[0].end - 16.0)
