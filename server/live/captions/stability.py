"""Which words of changing hypotheses are certain enough to be shown for good.

Whole segments are final once two updates in a row had them and they ended early enough. Inside an open segment,
LocalAgreement-2: words that two updates in a row begin with, the last word of all held back, for its audio may be cut
off (Macháček et al. 2023, Whisper-Streaming). What is committed never changes; a hypothesis that would have it
otherwise is read from where it agrees best.

In scripts without spaces a text that grows may be cut into other words at its end. So hypotheses are compared there
character by character, and the words of the latest one only tell up to where it is committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from server.live.captions.alignment import aligned
from server.live.captions.units import Cutter, Units, alike
from server.live.vocabulary.events import Hypothesis, LiveEvent, SegmentCommitted, WordsCommitted
from server.transcript.logprobs import seen
from server.transcript.probabilities import Probabilities
from server.transcript.segments import Segment


@dataclass(slots=True)
class _Open:
    """The segment whose words are being committed.

    ``avg_logprob``: as it was read last. ``keys``: by which the committed words are found again. ``probabilities``: of
    their tokens, each as it was when they were committed.
    """

    index: int
    start: float
    end: float
    speaker: int | None
    words_end: float
    avg_logprob: float | None
    keys: list[str] = field(default_factory=list)
    text: str = ""
    probabilities: Probabilities = field(default_factory=Probabilities)

    def closed(self) -> Segment:
        end = max(self.end, self.start)
        whole = Segment(self.index, self.start, end, self.speaker, self.text, self.avg_logprob)
        return replace(whole, probabilities=self.probabilities)

    def add(self, lead: str, text: str, keys: Sequence[str], known: Probabilities | None) -> None:
        """These words are committed, behind ``lead`` and the others."""
        if known is not None:
            self.probabilities = self.probabilities.followed(known, seen(self.text))
        self.text += (lead if self.text else "") + text
        self.keys += keys

    def read(self, segment: Segment) -> None:
        """A later hypothesis has it like this."""
        self.end = max(self.end, segment.end)
        if segment.avg_logprob is not None:
            self.avg_logprob = segment.avg_logprob


class Stabilizer:
    """Turns the hypotheses of a session into text that never changes. Pure: no clock, no audio. Times: session."""

    def __init__(self, settle: float) -> None:
        self._settle = settle
        self._segments = 0
        self._open: _Open | None = None
        self._before: list[tuple[str, int | None]] = []  # what was behind the committed words last time
        self._cutter = Cutter()

    @property
    def open(self) -> Segment | None:
        """The segment of which some words are committed, as it is now."""
        return self._open.closed() if self._open else None

    @property
    def segments(self) -> int:
        """That were begun."""
        return self._segments

    @property
    def words_end(self) -> float:
        """Where the committed words of the open segment end."""
        return self._open.words_end if self._open else 0.0

    def resume(self, segments: int, open_segment: Segment | None, words_end: float) -> None:
        """So many were begun elsewhere; of this one, the last of them, these words are committed."""
        self._segments = segments
        if open_segment is not None:
            one = open_segment
            keys = Cutter().units([one]).keys
            self._open = _Open(one.index, one.start, one.end, one.speaker, words_end, one.avg_logprob, keys, one.text)

    @property
    def pending(self) -> bool:
        """The last hypothesis had words that are not committed."""
        return bool(self._before)

    def update(
        self, hypothesis: Sequence[Segment], heard: float, *, final: bool = False, certain: bool = False
    ) -> list[LiveEvent]:
        """Take what the model now says behind the closed segments. ``heard``: end of the audio it has heard.

        ``final``: commit all of it and close every segment. ``certain``: commit all of it, the last segment may go on.
        Takes time in proportion to the hypothesis, and little of
        it for what the one before said too.
        """
        units = self._cutter.units(hypothesis)
        known = self._committed_part(units)
        rest = units.spoken(known)
        count = len(rest) if final or certain else self._certain(units, known, rest, heard)
        tail = known + count
        events, place = self._commit(units, known, tail)
        self._before = rest[count:]
        if self._open is not None and (final or self._still(units, place, tail, heard)):
            events += self.close()
        return [*events, self._hypothesis(units, place, tail)]

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

    def _committed_part(self, units: Units) -> int:
        """How many units of the hypothesis stand for the committed ones of the open segment: the best alignment."""
        if self._open is None:
            return 0
        same = alike(self._open.keys, units.keys)
        return same + aligned(self._open.keys[same:], islice(units.keys, same, None))

    def _certain(self, units: Units, known: int, rest: Sequence[object], heard: float) -> int:
        """How many units of the rest can be committed: whole words."""
        agreed = alike(rest, self._before)
        if agreed == len(rest):
            if not rest or units.segments[units.segment(known + agreed - 1)].end <= heard - self._settle:
                return agreed
            agreed -= 1
        return max(0, units.word_begin(known + agreed) - known)

    def _still(self, units: Units, place: int | None, tail: int, heard: float) -> bool:
        """The open segment has all its words and ended long enough ago."""
        assert self._open is not None
        goes_on = tail < len(units) and units.segment(tail) == place
        return not goes_on and self._open.end <= heard - self._settle

    # ---------------------------------------------------------------------------------------------------- events

    def _commit(self, units: Units, first: int, last: int) -> tuple[list[LiveEvent], int | None]:
        """Commit units in runs of one segment each, behind the ``first`` that stand for committed ones.

        Returns the events, and the place in the hypothesis of the segment that is open then.
        """
        events: list[LiveEvent] = []
        place = units.segment(first - 1) if first else None
        if self._open is not None and place is not None:
            self._open.read(units.segments[place])
        for number, begin, end in units.runs(first, last):
            if self._open is None or number != place:
                events += self.close()
                segment, place = units.segments[number], number
                self._open = _Open(
                    self._segments, segment.start, segment.end, segment.speaker, segment.start, segment.avg_logprob
                )
                self._segments += 1
            events.append(self._committed(self._open, units, begin, end))
        return events, place

    @staticmethod
    def _committed(opened: _Open, units: Units, first: int, last: int) -> WordsCommitted:
        floor = opened.words_end
        words = tuple(
            replace(
                word,
                start=max(word.start, floor),
                end=max(word.end, floor),
                speaker=opened.speaker,
                logprob=opened.avg_logprob if word.logprob is None else word.logprob,
            )
            for word in units.timed(first, last)
        )
        lead, text = units.run(first, last)
        opened.add(lead, text, units.keys[first:last], units.probabilities(first, last))
        opened.words_end = words[-1].end
        opened.end = max(opened.end, opened.words_end)
        logprobs = units.logprobs(first, last)
        return WordsCommitted(opened.index, opened.speaker, words, text, lead, logprobs)

    def _hypothesis(self, units: Units, place: int | None, tail: int) -> Hypothesis:
        segments: list[Segment] = []
        first_lead = " "
        index = self._segments
        for number, begin, end in units.runs(tail, len(units)):
            lead, text = units.run(begin, end)
            start = units.timed(begin, begin + 1)[0].start
            known = units.probabilities(begin, end)
            segment = replace(units.segments[number], start=start, text=text, logprobs=None, probabilities=known)
            if self._open is not None and number == place:
                first_lead = lead
                segments.append(replace(segment, index=self._open.index))
            else:
                segments.append(replace(segment, index=index))
                index += 1
        return Hypothesis(tuple(segments), first_lead)
