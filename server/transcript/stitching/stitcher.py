"""Windows one after the other into one transcript."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from server.transcript.segments import Segment
from server.transcript.stitching.alignment import align
from server.transcript.stitching.heard import HeardWindow, Vector
from server.transcript.stitching.overlap import BLUR, Match, Overlap
from server.transcript.stitching.repeats import without_repeats
from server.transcript.stitching.seam import sew
from server.transcript.stitching.silences import with_tags
from server.transcript.stitching.speakers import Clip, Linked, Said, Speakers
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
        self._said: Counter[str] = Counter()  # words of the last window
        self._end = 0.0
        self._left_until = self._last_start = 0.0
        self._index = 0

    @property
    def doubtful(self) -> frozenset[int]:
        return frozenset(self._speakers.doubtful)

    def add(self, window: HeardWindow) -> list[Segment]:
        """The next window in order of time. Returns the segments that are final now, in order of their starts."""
        overlap = Overlap(max(window.start, self._left_until), self._end)
        voiced = self._once(window.with_clips(), overlap)
        heard = [segment for segment, _ in voiced]
        head = heard[: self._near(heard)]
        a, b = units_of(self._waiting), units_of(head)
        matches = align(a, b, overlap)
        heard = self._numbered(heard, self._linked(window, voiced, _said(a, b, matches)))
        head, rest = heard[: len(head)], heard[len(head) :]
        said = Counter(unit.key for unit in units_of(heard))
        seam = sew(a, units_of(head), matches, overlap, self._said + said)
        self._said = said
        joined = with_tags(written(seam), self._waiting, head, seam.at)
        self._end = max(self._end, window.end)
        return self._leave([*joined, *rest])

    def finish(self) -> list[Segment]:
        """The rest. Nothing may be added behind it."""
        return self._given(self._waiting)

    def _near(self, heard: Sequence[Segment]) -> int:
        """How many of a window's segments the one before it may have, too."""
        return max((place + 1 for place, segment in enumerate(heard) if segment.start < self._end + BLUR), default=0)

    def _once(
        self, voiced: Sequence[tuple[Segment, Vector | None]], overlap: Overlap
    ) -> list[tuple[Segment, Vector | None]]:
        """The window, and what is left of the one before it, without what one of them alone has twice in a row."""
        heard = [segment for segment, _ in voiced]
        head = heard[: self._near(heard)]
        kept = without_repeats(head, self._waiting, overlap)
        self._waiting = [self._waiting[place] for place in without_repeats(self._waiting, head, overlap)]
        return [*(voiced[place] for place in kept), *voiced[len(head) :]]

    def _linked(
        self, window: HeardWindow, voiced: Sequence[tuple[Segment, Vector | None]], said: Iterable[Said]
    ) -> Linked:
        """The window's speakers in the recording's numbers."""
        heard = [segment for segment, _ in voiced]
        seconds: dict[int, float] = {}
        for segment in heard:
            if segment.speaker is not None:
                seconds[segment.speaker] = seconds.get(segment.speaker, 0.0) + segment.end - segment.start
        voices = {
            number: Heard.of(vector, seconds[number]) for number, vector in window.voices.items() if number in seconds
        }
        clips = {
            place: Clip(segment.speaker, Heard.of(vector, segment.end - segment.start))
            for place, (segment, vector) in enumerate(voiced)
            if segment.speaker is not None and vector is not None
        }
        doubtful = self.doubtful
        linked = self._speakers.add(list(seconds), said, voices, clips)
        new = self.doubtful - doubtful
        firsts = (segment.start for number, segment in _firsts(heard).items() if linked.numbers[number] in new)
        self.notes += map(UNTOLD.format, firsts)
        return linked

    def _numbered(self, segments: Sequence[Segment], linked: Linked) -> list[Segment]:
        numbered = []
        for place, segment in enumerate(segments):
            if segment.speaker is not None:
                number = linked.moved.get(place, linked.numbers[segment.speaker])
                segment = replace(segment, speaker=number, doubtful=number in self.doubtful)
            numbered.append(segment)
        return numbered

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
