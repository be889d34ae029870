"""The segments that are not closed yet, for who shows words before they are certain: an extension of OpenAI's API.

Deltas can only be appended to, so what may still change is told beside them, whole, whenever it changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from server.live.vocabulary.events import Hypothesis, WordsCommitted
from server.transcript.formats import parts
from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Segment
from server.transcript.word_breaks import lead_between


@dataclass(frozen=True, slots=True)
class Begun:
    """The segment of which some words are committed. ``start``, ``end``: of these, in seconds of the session."""

    index: int
    start: float
    end: float
    speaker: int | None
    text: str


class OpenSegments:
    """Committed words of the open segment, and what seems to be said behind them.

    Attributes:
        begun: None while no segment has committed words.
    """

    def __init__(self) -> None:
        self.begun: Begun | None = None
        self._told: list[parts.JsonObject] = []

    def commit(self, event: WordsCommitted) -> None:
        """The next words."""
        start, end = event.words[0].start, event.words[-1].end
        if self.begun is None or self.begun.index != event.segment:
            self.begun = Begun(event.segment, start, end, event.speaker, event.text)
        else:
            text = self.begun.text + event.lead + event.text
            self.begun = Begun(event.segment, self.begun.start, end, event.speaker, text)

    def close(self, segment: Segment) -> None:
        """It is told by itself now."""
        self._told = [row for row in self._told if row["id"] != parts.segment_id(segment.index)]
        if self.begun is not None and self.begun.index == segment.index:
            self.begun = None

    def clear(self) -> None:
        """Forget what was said."""
        self.begun = None
        self._told = []

    def changed(
        self, hypothesis: Hypothesis, labels: SpeakerLabels, *, since: float = 0.0
    ) -> list[parts.JsonObject] | None:
        """All of them in order, None where they are as they were told last.

        Behind ``text``, which stays, stands ``tentative``, with what is between the two; ``end`` is that of both.
        Somebody new is called as he would be if nothing changed. What ends before ``since`` is left out.
        """
        rest = [segment for segment in hypothesis.segments if segment.end > since]
        names = _copy(labels)
        rows = []
        if self.begun is not None:
            more = rest.pop(0) if rest and rest[0].index == self.begun.index else None
            rows.append(_row(self.begun, names, *_behind(self.begun, more, hypothesis.lead)))
        rows += [_row(segment, names, segment.text, segment.end, stays="") for segment in rest]
        if rows == self._told:
            return None
        self._told = rows
        return rows


def _behind(begun: Begun, more: Segment | None, lead: str | None) -> tuple[str, float]:
    """What seems to follow in the same segment, with what stands in front of it, and where it ends."""
    if more is None:
        return "", begun.end
    return (lead_between(begun.text, more.text) if lead is None else lead) + more.text, max(begun.end, more.end)


def _row(
    segment: Begun | Segment, names: SpeakerLabels, tentative: str, end: float, *, stays: str | None = None
) -> parts.JsonObject:
    return {
        "id": parts.segment_id(segment.index),
        "start": parts.seconds(segment.start),
        "end": parts.seconds(end),
        "speaker": names.letter(segment.speaker),
        "text": segment.text if stays is None else stays,
        "tentative": tentative,
    }


def _copy(labels: SpeakerLabels) -> SpeakerLabels:
    """Names that are given for a moment are not given for good."""
    copied = SpeakerLabels({})
    for speaker in labels.known:
        copied.letter(speaker)
    return copied
