"""Repetition over whole segments: the same contents again and again, whether times advance, stand still or run out."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from server.transcript.repetition.loop import LoopKind, Verdict
from server.transcript.repetition.needs import (
    COUNTED_SEGMENTS,
    EMPTY,
    EVEN,
    EVEN_COUNTED,
    EVEN_VARIED,
    MIXED_TAGS,
    SEGMENTS,
    TAGS,
    VARIED_SEGMENTS,
    Need,
)
from server.transcript.repetition.speaking_time import is_said, load, may_ramble, rambles
from server.transcript.repetition.units import normal_segments

_DISTANCES = range(1, 17)
"""Segments of a unit."""
_NEAR_DISTANCES = range(1, 4)
_NEAR = 0.6
"""Of the longer of two contents, which is their common beginning and end: nearly equal."""
_EVEN = 0.021
"""Seconds by which durations, and ends from the starts behind them, differ at most where a machine set them."""
_SHORTEST, _SHORTEST_TAG = 0.2, 0.3
"""Seconds that anything takes which is said; that a sound takes which is worth a tag."""
_MARGIN = 0.05
"""Seconds of each segment that its times may be wrong by."""
_DIGITS = re.compile(r"\d+")
_TAG = re.compile(r"\s*\[[^\[\]]*\]\s*")
_FEWEST_ALIKE = 4
"""Copies that are nearly equal, or equal but for numbers, before they are held."""
_REMEMBERED = 128
"""Segments at least that are remembered."""
_DENSE = (4, 8, 16, 32, 64, 128)
"""Last segments of which it is looked at whether anybody can have said them all."""
_OUT_OF_TIME = 10
"""Segments that begin behind the audio's end, whatever they say: some may have slipped."""


@dataclass(frozen=True, slots=True)
class Written:
    """A segment that has been written, with its times as they were written.

    ``text``: its content, lower case. ``root``: normalised, without what it repeats of itself. ``least``: seconds that
    saying it takes at least.
    """

    start: float | None
    end: float | None
    text: str
    root: str
    least: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """A segment as it is compared."""

    start: float
    end: float
    text: str
    root: str
    numberless: str
    least: float
    tag: bool
    said: bool

    @property
    def duration(self) -> float:
        return max(self.end - self.start, 0.0)


@dataclass(slots=True)
class _Runs:
    """How many segments in a row are like those at one distance before them."""

    exact: int = 0
    counted: int = 0  # but for numbers
    near: int = 0
    even: int = 0
    frozen: int = 0


class SegmentTracker:
    """Compares each segment with those before it. The time for one does not grow with their number.

    Attributes:
        repeating: what is written now may be a part of a loop.
        dense: the last segments are more than anybody says in the time that they claim together.
    """

    def __init__(self, seconds: float) -> None:
        self.repeating = False
        self.dense = False
        self._seconds = seconds
        self._entries: list[_Entry] = []
        self._runs = {distance: _Runs() for distance in _DISTANCES}
        self._expected: list[str] = []  # the contents that would go on with what is repeated
        self._written = 0  # characters of the open content
        self._loosely = False  # repeating, whatever the open content says
        self._out_of_time = 0
        self._whole = 0  # segments of a unit that has come back unchanged

    def push(self, character: str) -> None:
        """The next character of the open content, lower case."""
        if self._expected:
            place = self._written
            self._expected = [text for text in self._expected if text[place : place + 1] == character]
            self.repeating = self._loosely or bool(self._expected)
        self._written += 1

    def close(self, written: Written) -> Verdict | None:
        """The segment has been written."""
        entry = self._entry(written)
        entries = self._entries
        entries.append(entry)
        if len(entries) > 2 * _REMEMBERED:
            del entries[:_REMEMBERED]
        verdict = self._judge_times(entry)
        self._loosely = self._out_of_time > 0
        for distance in _DISTANCES:
            if distance < len(entries):
                self._compare(entry, distance)
        self._whole = max((d for d, runs in self._runs.items() if runs.exact >= 2 * d), default=0)
        for distance in _DISTANCES:
            verdict = self._judge(distance) or verdict
        self._expected = [entries[-distance].text for distance in _DISTANCES if self._runs[distance].exact >= distance]
        self._written = 0
        self.repeating = self._loosely or bool(self._expected)
        dense = self._judge_density()
        return verdict or dense

    def _entry(self, written: Written) -> _Entry:
        last_end = self._entries[-1].end if self._entries else 0.0
        start = last_end if written.start is None else written.start
        end = start if written.end is None else written.end
        tag = _TAG.fullmatch(written.text) is not None
        said = not tag and any(map(is_said, written.root))
        least = max(written.least, _SHORTEST) if said else _SHORTEST_TAG
        root = written.root if tag or said else ""
        return _Entry(start, end, written.text, root, _DIGITS.sub("#", root), least, tag, said)

    def _compare(self, entry: _Entry, distance: int) -> None:
        runs, entries = self._runs[distance], self._entries
        before, previous = entries[-1 - distance], entries[-2]
        runs.exact = runs.exact + 1 if entry.root == before.root else 0
        runs.counted = runs.counted + 1 if entry.numberless == before.numberless else 0
        even = abs(entry.duration - before.duration) < _EVEN and abs(entry.start - previous.end) < _EVEN
        runs.even = runs.even + 1 if even and entry.duration > 0 else 0
        runs.frozen = runs.frozen + 1 if entry.start <= before.start + 0.005 else 0
        if distance in _NEAR_DISTANCES:
            like = (entry.tag and before.tag) or _nearly_equal(entry.numberless, before.numberless)
            runs.near = runs.near + 1 if like else 0

    def _judge(self, distance: int) -> Verdict | None:
        runs = self._runs[distance]
        if max(runs.counted, runs.near) < (_FEWEST_ALIKE - 1) * distance:
            return None
        unit = self._entries[-distance:]
        said, tagged, counting = any(e.said for e in unit), all(e.tag for e in unit), runs.counted > runs.exact
        exactly = SEGMENTS if said else TAGS if tagged else EMPTY
        nearly = VARIED_SEGMENTS if said else MIXED_TAGS if tagged else EMPTY
        if counting:
            found = self._find(runs, runs.exact, distance, exactly, EVEN) or self._find(
                runs, runs.counted, distance, COUNTED_SEGMENTS, EVEN_COUNTED
            )
            nearly, even = COUNTED_SEGMENTS, EVEN_COUNTED
        else:
            found, even = self._find(runs, runs.exact, distance, exactly, EVEN), EVEN_VARIED
        if distance >= self._whole:  # else a part of it, as like the others as lines of a prayer
            found = found or self._find(runs, runs.near, distance, nearly, even)
        if found is None:
            return None
        haste, out_of_time = found
        kind = LoopKind.TAGS if not said else LoopKind.TIMES if out_of_time else LoopKind.SEGMENTS
        return Verdict(normal_segments([entry.root for entry in unit]), haste >= 1, kind)

    def _find(self, runs: _Runs, run: int, distance: int, need: Need, even: int) -> tuple[float, bool] | None:
        """Whether a run is a loop: how hasty, and whether it is outside of the time that there is."""
        copies = 1 + run / distance
        if copies < _FEWEST_ALIKE:
            return None
        last = round((need.fewest - 1) * distance)
        outside = copies >= need.fewest and (min(run, runs.frozen) >= last or self._out_of_time >= last)
        haste = math.inf if outside else self._haste(run)
        if copies > need.fewest and haste < 1 <= (recent := self._haste(last)):
            haste = recent
        if run > runs.exact and copies >= need.held(haste, _FEWEST_ALIKE):
            self._loosely = True
        in_time = min(run, runs.even) / distance + 1 < even
        if copies < need.fewest or (copies < need.copies(haste) and in_time):
            return None
        return haste, outside

    def _haste(self, run: int) -> float:
        """Of the last segments: what they take at the least, of the time that they claim together."""
        entries = self._entries[-min(run, _REMEMBERED) :]
        claimed = sum(max(min(entry.end, self._seconds) - entry.start, 0.0) for entry in entries)
        claimed = min(claimed, self._span(entries))
        return load(sum(entry.least for entry in entries), claimed, _MARGIN * min(len(entries), 10))

    def _span(self, entries: Sequence[_Entry]) -> float:
        """Seconds of audio from the first of their beginnings to the last of their ends."""
        furthest = min(max(entry.end for entry in entries), self._seconds)
        return max(furthest - min(entry.start for entry in entries), 0.0)

    def _judge_density(self) -> Verdict | None:
        """Whether there is more in the last segments than can be said, and no end of it: also in the last two."""
        self.dense = False
        if len(self._entries) < _DENSE[0] or self._haste(2) < 1:
            return None
        for count in _DENSE:
            entries = self._entries[-count:]
            least, time = sum(entry.least for entry in entries), self._span(entries)
            self.dense = self.dense or may_ramble(least, time)
            if rambles(least, time):
                return Verdict("", True, LoopKind.RAMBLING)
        return None

    def _judge_times(self, entry: _Entry) -> Verdict | None:
        self._out_of_time = self._out_of_time + 1 if entry.start > self._seconds else 0
        if self._out_of_time < _OUT_OF_TIME:
            return None
        return Verdict(entry.root, True, LoopKind.TIMES)


def _nearly_equal(one: str, other: str) -> bool:
    if one == other:
        return True
    shorter, longer = sorted((one, other), key=len)
    if len(shorter) < _NEAR * len(longer):
        return False
    begin = 0
    while begin < len(shorter) and shorter[begin] == longer[begin]:
        begin += 1
    end = 0
    while end < len(shorter) - begin and shorter[-1 - end] == longer[-1 - end]:
        end += 1
    return begin + end >= _NEAR * len(longer)
