"""The stabilizer spelled out, slowly: every hypothesis cut whole, every unit an object, alignment cell by cell.

What `server.live.captions.stability` must equal, event by event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import groupby
from operator import attrgetter

from server.live.captions.units import plain
from server.live.vocabulary.events import Hypothesis, LiveEvent, SegmentCommitted, WordsCommitted
from server.transcript.segments import Segment
from server.transcript.words import Word, joined, segment_words


@dataclass(frozen=True, slots=True)
class Unit:
    """A word of a hypothesis, or a character of one in a script without spaces.

    ``segment`` counts the hypothesis' segments, ``number`` the words of its segment.
    """

    word: Word
    segment: int
    number: int

    @property
    def key(self) -> tuple[str, int | None]:
        """What has to be the same for two hypotheses to agree: not the case, not the punctuation."""
        return plain(self.word.word), self.word.speaker

    @property
    def place(self) -> tuple[int, int]:
        """Which word of the hypothesis it is of."""
        return self.segment, self.number


@dataclass(slots=True)
class _Open:
    """The segment whose words are being committed. ``keys``: by which they are found again."""

    index: int
    start: float
    end: float
    speaker: int | None
    words_end: float
    avg_logprob: float | None
    keys: list[str] = field(default_factory=list)
    text: str = ""

    def closed(self) -> Segment:
        return Segment(self.index, self.start, max(self.end, self.start), self.speaker, self.text, self.avg_logprob)


def reference_units(hypothesis: Sequence[Segment]) -> list[Unit]:
    """What hypotheses are compared by."""
    return [
        Unit(unit, place, number)
        for place, segment in enumerate(hypothesis)
        for number, word in enumerate(segment_words(segment))
        for unit in word.characters
    ]


def words_of(units: Iterable[Unit]) -> list[Word]:
    """Units that stand one behind the other as words."""
    return [reduce(_extended, (unit.word for unit in word)) for _, word in groupby(units, key=attrgetter("place"))]


def _extended(word: Word, other: Word) -> Word:
    """With another that goes on where it ends."""
    return replace(word, word=word.word + other.lead + other.word, end=other.end)


def _common(one: Sequence[object], other: Sequence[object]) -> int:
    """How many items both begin with."""
    pairs = zip(one, other, strict=False)
    return next((count for count, (item, beside) in enumerate(pairs) if item != beside), min(len(one), len(other)))


def reference_alignment(committed: Sequence[str], told: Sequence[str]) -> int:
    """How much of what is told stands for all that is committed: the end of the alignment with the fewest edits."""
    costs = list(range(len(committed) + 1))  # of aligning the committed with told[:0]
    best, place = costs[-1], 0
    for count, word in enumerate(told, start=1):
        above, costs[0] = costs[0], count
        for row, other in enumerate(committed, start=1):
            diagonal = above + (other != word)
            above = costs[row]
            costs[row] = min(diagonal, costs[row] + 1, costs[row - 1] + 1)
        if costs[-1] <= best:
            best, place = costs[-1], count
    return place


class ReferenceStabilizer:
    """Turns the hypotheses of a session into text that never changes. Pure: no clock, no audio. Times: session."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._segments = 0
        self._open: _Open | None = None
        self._before: list[tuple[str, int | None]] = []  # words behind the committed ones, last time

    @property
    def open(self) -> Segment | None:
        """The segment of which some words are committed, as it is now."""
        return self._open.closed() if self._open else None

    @property
    def pending(self) -> bool:
        """The last hypothesis had words that are not committed."""
        return bool(self._before)

    def update(self, hypothesis: Sequence[Segment], heard: float, *, final: bool = False) -> list[LiveEvent]:
        """Take what the model now says behind the closed segments. ``heard``: end of the audio it has heard.

        ``final``: commit all of it and close every segment.
        """
        said = reference_units(hypothesis)
        known = self._committed_part(said)
        rest = said[known:]
        count = len(rest) if final else self._certain(hypothesis, rest, heard)
        events, place = self._commit(hypothesis, rest[:count], said[known - 1].segment if known else None)
        tail = rest[count:]
        self._before = [word.key for word in tail]
        if self._open is not None and (final or self._still(place, tail, heard)):
            events += self.close()
        return [*events, self._hypothesis(hypothesis, place, tail)]

    def close(self) -> list[LiveEvent]:
        """Close the open segment with the words it has."""
        if self._open is None:
            return []
        closed, self._open = self._open.closed(), None
        return [SegmentCommitted(closed)]

    def forget(self) -> None:
        """The next hypothesis has nothing to do with the last one."""
        self._before = []

    # ------------------------------------------------------------------------------------------------- decisions

    def _committed_part(self, said: Sequence[Unit]) -> int:
        """How many units of the hypothesis stand for the committed ones of the open segment: the best alignment."""
        if self._open is None:
            return 0
        committed = self._open.keys
        told = [plain(unit.word.word) for unit in said[: 2 * len(committed) + 4]]
        same = _common(committed, told)
        return same + reference_alignment(committed[same:], told[same:])

    def _certain(self, hypothesis: Sequence[Segment], rest: Sequence[Unit], heard: float) -> int:
        """How many units of the rest can be committed: whole words."""
        agreed = _common([unit.key for unit in rest], self._before)
        if agreed == len(rest) and rest:
            if hypothesis[rest[-1].segment].end <= heard - self._settle:
                return agreed
            agreed -= 1
        while 0 < agreed < len(rest) and rest[agreed].place == rest[agreed - 1].place:
            agreed -= 1
        return agreed

    def _still(self, place: int | None, tail: Sequence[Unit], heard: float) -> bool:
        """The open segment has all its words and ended long enough ago."""
        assert self._open is not None
        return all(word.segment != place for word in tail) and self._open.end <= heard - self._settle

    # ---------------------------------------------------------------------------------------------------- events

    def _commit(
        self, hypothesis: Sequence[Segment], words: Sequence[Unit], place: int | None
    ) -> tuple[list[LiveEvent], int | None]:
        """Commit words in runs of one segment each. ``place``: which segment of the hypothesis the open one is.

        Returns the events, and the place of the segment that is open then.
        """
        events: list[LiveEvent] = []
        if self._open is not None and place is not None:
            self._open.end = max(self._open.end, hypothesis[place].end)
            if hypothesis[place].avg_logprob is not None:
                self._open.avg_logprob = hypothesis[place].avg_logprob
        run: list[Unit] = []
        for said in words:
            if self._open is None or said.segment != place:
                events += self._committed(run)
                run = []
                events += self.close()
                segment, place = hypothesis[said.segment], said.segment
                self._open = _Open(
                    self._segments, segment.start, segment.end, segment.speaker, segment.start, segment.avg_logprob
                )
                self._segments += 1
            run.append(said)
        return [*events, *self._committed(run)], place

    def _committed(self, run: list[Unit]) -> list[LiveEvent]:
        if not run or self._open is None:
            return []
        opened, floor = self._open, self._open.words_end
        words = tuple(
            replace(
                word,
                start=max(word.start, floor),
                end=max(word.end, floor),
                speaker=opened.speaker,
                logprob=opened.avg_logprob,
            )
            for word in words_of(run)
        )
        lead, text = words[0].lead, joined(words)
        opened.text += (lead if opened.text else "") + text
        opened.keys += [plain(unit.word.word) for unit in run]
        opened.words_end = words[-1].end
        opened.end = max(opened.end, opened.words_end)
        return [WordsCommitted(opened.index, opened.speaker, words, text, lead)]

    def _hypothesis(self, hypothesis: Sequence[Segment], place: int | None, tail: Sequence[Unit]) -> Hypothesis:
        segments: list[Segment] = []
        lead = " "
        for number, units in groupby(tail, key=attrgetter("segment")):
            words = words_of(units)
            goes_on = self._open is not None and number == place
            if goes_on:
                lead = words[0].lead
            index = self._segments - 1 if goes_on else self._segments + sum(s.index >= self._segments for s in segments)
            segments.append(replace(hypothesis[number], index=index, start=words[0].start, text=joined(words)))
        return Hypothesis(tuple(segments), lead)
