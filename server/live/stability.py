"""Which words of changing hypotheses are certain enough to be shown for good.

Whole segments are final once two updates in a row had them and they ended early enough. Inside an open segment,
LocalAgreement-2: words that two updates in a row begin with, the last word of all held back, for its audio may be cut
off (Macháček et al. 2023, Whisper-Streaming). What is committed never changes; a hypothesis that would have it
otherwise is read from where it agrees best.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from server.live.events import Hypothesis, LiveEvent, SegmentClosed, WordsCommitted
from server.transcript.segments import Segment
from server.transcript.words import Word, leads, segment_words


@dataclass(frozen=True, slots=True)
class _Said:
    """A word of a hypothesis: ``segment`` counts the hypothesis' segments, ``lead`` stands before the word."""

    word: Word
    segment: int
    lead: str

    @property
    def key(self) -> tuple[str, int | None]:
        """What has to be the same for two hypotheses to agree: not the case, not the punctuation."""
        return plain(self.word.word), self.word.speaker


def plain(word: str) -> str:
    """A word without case and punctuation; pure punctuation stays."""
    return "".join(filter(str.isalnum, word)).casefold() or word


@dataclass(slots=True)
class _Open:
    """The segment whose words are being committed."""

    index: int
    start: float
    end: float
    speaker: int | None
    words: list[Word] = field(default_factory=list)
    text: str = ""

    def closed(self) -> Segment:
        return Segment(self.index, self.start, max(self.end, self.start), self.speaker, self.text)


def joined(words: Sequence[_Said]) -> str:
    """Words as a text, without what stands before the first."""
    return "".join(said.lead * (place > 0) + said.word.word for place, said in enumerate(words))


class Stabilizer:
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
        said = [
            _Said(word, place, lead)
            for place, segment in enumerate(hypothesis)
            for word, lead in zip(segment_words(segment), leads(segment.text), strict=True)
        ]
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
        return [SegmentClosed(closed)]

    def forget(self) -> None:
        """The next hypothesis has nothing to do with the last one."""
        self._before = []

    # ------------------------------------------------------------------------------------------------- decisions

    def _committed_part(self, said: Sequence[_Said]) -> int:
        """How many words of the hypothesis stand for the committed ones of the open segment: the best alignment."""
        if self._open is None:
            return 0
        committed = [plain(word.word) for word in self._open.words]
        costs = list(range(len(committed) + 1))  # of aligning the committed words with said[:0]
        best, place = costs[-1], 0
        for count, word in enumerate(said[: 2 * len(committed) + 4], start=1):
            above, costs[0] = costs[0], count
            for row, other in enumerate(committed, start=1):
                diagonal = above + (other != plain(word.word.word))
                above = costs[row]
                costs[row] = min(diagonal, costs[row] + 1, costs[row - 1] + 1)
            if costs[-1] <= best:
                best, place = costs[-1], count
        return place

    def _certain(self, hypothesis: Sequence[Segment], rest: Sequence[_Said], heard: float) -> int:
        """How many words of the rest can be committed."""
        agreed = 0
        for word, before in zip(rest, self._before, strict=False):
            if word.key != before:
                break
            agreed += 1
        if agreed < len(rest) or not rest:
            return agreed
        ended = hypothesis[rest[-1].segment].end
        return agreed if ended <= heard - self._settle else agreed - 1

    def _still(self, place: int | None, tail: Sequence[_Said], heard: float) -> bool:
        """The open segment has all its words and ended long enough ago."""
        assert self._open is not None
        return all(word.segment != place for word in tail) and self._open.end <= heard - self._settle

    # ---------------------------------------------------------------------------------------------------- events

    def _commit(
        self, hypothesis: Sequence[Segment], words: Sequence[_Said], place: int | None
    ) -> tuple[list[LiveEvent], int | None]:
        """Commit words in runs of one segment each. ``place``: which segment of the hypothesis the open one is.

        Returns the events, and the place of the segment that is open then.
        """
        events: list[LiveEvent] = []
        if self._open is not None and place is not None:
            self._open.end = max(self._open.end, hypothesis[place].end)
        run: list[_Said] = []
        for said in words:
            if self._open is None or said.segment != place:
                events += self._committed(run)
                run = []
                events += self.close()
                segment, place = hypothesis[said.segment], said.segment
                self._open = _Open(self._segments, segment.start, segment.end, segment.speaker)
                self._segments += 1
            run.append(said)
        return [*events, *self._committed(run)], place

    def _committed(self, run: list[_Said]) -> list[LiveEvent]:
        if not run or self._open is None:
            return []
        opened, lead, text = self._open, run[0].lead, joined(run)
        floor = opened.words[-1].end if opened.words else opened.start
        words = tuple(
            replace(word, start=max(word.start, floor), end=max(word.end, floor), speaker=opened.speaker)
            for word in (said.word for said in run)
        )
        opened.text += (lead if opened.words else "") + text
        opened.words += words
        opened.end = max(opened.end, words[-1].end)
        return [WordsCommitted(opened.index, opened.speaker, words, text, lead)]

    def _hypothesis(self, hypothesis: Sequence[Segment], place: int | None, tail: Sequence[_Said]) -> Hypothesis:
        segments: list[Segment] = []
        for number in sorted({said.segment for said in tail}):
            words = [said for said in tail if said.segment == number]
            goes_on = self._open is not None and number == place
            index = self._segments - 1 if goes_on else self._segments + sum(s.index >= self._segments for s in segments)
            segments.append(replace(hypothesis[number], index=index, start=words[0].word.start, text=joined(words)))
        return Hypothesis(tuple(segments))
