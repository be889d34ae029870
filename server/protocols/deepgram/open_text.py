"""The part of a live session's text that is not closed yet, as Deepgram's messages show it."""

from __future__ import annotations

from dataclasses import replace

from server.live.vocabulary.events import Hypothesis, WordsCommitted
from server.protocols.deepgram.alternatives import Passage
from server.transcript.segments import Segment
from server.transcript.word_breaks import lead_between


class OpenText:
    """The committed words of the open segment, and behind them the hypothesis, which may change."""

    def __init__(self) -> None:
        self._committed: list[Passage] = []
        self._segment = 0  # that the committed words are of
        self._hypothesis: tuple[Segment, ...] = ()
        self._lead: str | None = None

    @property
    def committed(self) -> tuple[int, list[Passage]]:
        """The open segment, and its committed words."""
        return self._segment, list(self._committed)

    def resume(self, segment: int, committed: list[Passage]) -> None:
        """Go on with the committed words of this segment."""
        self._segment, self._committed = segment, committed

    def __bool__(self) -> bool:
        return bool(self._committed or self._hypothesis)

    @property
    def passages(self) -> list[Passage]:
        """In order; of the open segment its rest stands behind the committed words."""
        supposed = list(map(Passage.of, self._hypothesis))
        if self._committed and supposed and self._hypothesis[0].index == self._segment:
            lead = lead_between(self._committed[-1].text, supposed[0].text) if self._lead is None else self._lead
            supposed[0] = replace(supposed[0], lead=lead)
        return [*self._committed, *supposed]

    def commit(self, event: WordsCommitted) -> None:
        """They were part of the hypothesis; what is left of it comes next. Between segments stands a space."""
        passage = Passage.of_words(event)
        self._committed.append(passage if self._committed else replace(passage, lead=" "))
        self._segment = event.segment
        self._hypothesis = ()

    def suppose(self, event: Hypothesis) -> None:
        """The hypothesis changed."""
        self._hypothesis, self._lead = event.segments, event.lead

    def close(self, segment: Segment) -> None:
        """A segment is whole: what stood here of it goes."""
        self._committed.clear()
        self._hypothesis = tuple(later for later in self._hypothesis if later.index > segment.index)

    def clear(self) -> None:
        """All that was said is in closed segments."""
        self._committed.clear()
        self._hypothesis = ()
