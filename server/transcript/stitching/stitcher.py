"""Windows one after the other into one transcript."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from typing import Final

from server.transcript.segments import Segment
from server.transcript.stitching.alignment import BLUR, Match, Overlap, align
from server.transcript.stitching.heard import HeardWindow
from server.transcript.stitching.seam import sew
from server.transcript.stitching.silences import with_tags
from server.transcript.stitching.speakers import Said, Speakers
from server.transcript.stitching.units import Unit, units_of
from server.transcript.stitching.voices import Heard
from server.transcript.stitching.writing import written

UNTOLD: Final = (
    "Nothing told whether the speaker first heard at {:.0f} s is one of those before: the label is a new one."
)


class Stitcher:
    """Makes one transcript of windows that overlap: one clock, one numbering of speakers, each word once.

    What does not reach into the overlap with the next window leaves at once, and nothing that left ever changes. Keeps
    the last window's end and what is known of the speakers, so memory does not grow with the recording.

    Args:
        overlap: no window begins more than so many seconds before the end of the one in front of it.

    Attributes:
        notes: sentences about what a caller should know.
        doubtful: numbers of speakers who may be one of those before: nothing told. Fixed when a number is first given.
    """

    def __init__(self, overlap: float) -> None:
        self.notes: list[str] = []
        self._overlap = overlap
        self._speakers = Speakers()
        self._waiting: list[Segment] = []
        self._end = 0.0
        self._left_until = self._last_start = 0.0
        self._index = 0

    @property
    def doubtful(self) -> frozenset[int]:
        return frozenset(self._speakers.doubtful)

    def add(self, window: HeardWindow) -> list[Segment]:
        """The next window in order of time. Returns the segments that are final now, in order of their starts."""
        heard = window.placed()
        overlap = Overlap(max(window.start, self._left_until), self._end)
        near = [place for place, segment in enumerate(heard) if segment.start < self._end + BLUR]
        head, rest = (heard[: near[-1] + 1], heard[near[-1] + 1 :]) if near else ([], heard)
        a, b = units_of(self._waiting), units_of(head)
        matches = align(a, b, overlap)
        numbers = self._linked(window, heard, _said(a, b, matches))
        head, rest = (_numbered(part, numbers, self.doubtful) for part in (head, rest))
        seam = sew(a, units_of(head), matches, overlap)
        joined = with_tags(written(seam), self._waiting, head, seam.at)
        self._end = max(self._end, window.end)
        return self._leave([*joined, *rest])

    def finish(self) -> list[Segment]:
        """The rest. Nothing may be added behind it."""
        return self._given(self._waiting)

    def _linked(self, window: HeardWindow, heard: Sequence[Segment], said: Iterable[Said]) -> dict[int, int]:
        """The window's speakers in the recording's numbers."""
        seconds: dict[int, float] = {}
        for segment in heard:
            if segment.speaker is not None:
                seconds[segment.speaker] = seconds.get(segment.speaker, 0.0) + segment.end - segment.start
        voices = {
            number: Heard.of(vector, seconds[number]) for number, vector in window.voices.items() if number in seconds
        }
        doubtful = self.doubtful
        numbers = self._speakers.add(list(seconds), said, voices)
        new = self.doubtful - doubtful
        firsts = {number: segment.start for number, segment in _firsts(heard).items() if numbers[number] in new}
        self.notes += map(UNTOLD.format, firsts.values())
        return numbers

    def _leave(self, segments: Sequence[Segment]) -> list[Segment]:
        """All in front of the first that the next window may change."""
        border = self._end - self._overlap - BLUR
        place = next((place for place, segment in enumerate(segments) if segment.end > border), len(segments))
        self._waiting = list(segments[place:])
        return self._given(segments[:place])

    def _given(self, segments: Iterable[Segment]) -> list[Segment]:
        given = []
        for segment in segments:
            self._last_start = start = max(segment.start, self._last_start)
            end = max(segment.end, start)
            self._left_until = max(self._left_until, end)
            given.append(replace(segment, index=self._index, start=start, end=end))
            self._index += 1
        return given


def _said(a: Sequence[Unit], b: Sequence[Unit], matches: Iterable[Match]) -> list[Said]:
    said = []
    for match in matches:
        one, other = a[match.first_a].segment.speaker, b[match.first_b].segment.speaker
        if one is not None and other is not None:
            said.append((other, one, match.weight))
    return said


def _firsts(segments: Iterable[Segment]) -> dict[int, Segment]:
    """Each speaker's first."""
    firsts: dict[int, Segment] = {}
    for segment in segments:
        if segment.speaker is not None:
            firsts.setdefault(segment.speaker, segment)
    return firsts


def _numbered(segments: Iterable[Segment], numbers: dict[int, int], doubtful: Container[int]) -> list[Segment]:
    return [
        segment
        if segment.speaker is None
        else replace(segment, speaker=numbers[segment.speaker], doubtful=numbers[segment.speaker] in doubtful)
        for segment in segments
    ]
