"""The model's answer to a window, read, and committed segments written as the model would have written them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace

from server.engine.client.stream import WholeAnswer
from server.engine.messages import EndReason
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.loops import without_loop
from server.transcript.parser import TranscriptParser
from server.transcript.segments import Segment

_ECHO = 0.3
"""Of the time that something took: who says it again needs more."""
_ENDINGS = ".,;:!?…‥。．、，；：！？।॥،؛؟۔)]}»”’」』）】 "
"""Marks that belong to the words before them, and blanks."""


@dataclass(frozen=True, slots=True)
class Written:
    """A segment, tags included, and the JSON that the model wrote it in."""

    segment: Segment
    json: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says behind what was forced, in seconds of the window.

    Attributes:
        segments: speech only; indices mean nothing.
        written: all whole segments, for the next guess.
    """

    segments: tuple[Segment, ...]
    written: tuple[Written, ...]


def written(start: float, end: float, speaker: int | None, text: str) -> str:
    """A segment as the model's JSON has it."""
    entry: dict[str, object] = {"Start": round(start, 2), "End": round(end, 2)}
    if speaker is not None:
        entry["Speaker"] = speaker
    return json.dumps(entry | {"Content": text}, ensure_ascii=False, separators=(",", ":"))


def opening(segments: Iterable[str]) -> str:
    """The beginning of an answer that has these segments."""
    joined = ",".join(segments)
    return f"[{joined}" if joined else ""


def read(answer: WholeAnswer, vocabulary: Vocabulary, *, seconds: float) -> Reading:
    """Read what comes behind the segments that were forced.

    The last of them may be open where the model went on. If it had more to say there, that becomes a segment of the
    same speaker behind it. Of a phrase that is said again and again one is kept, as of a segment that is written twice.
    An answer that was cut loses the segment that it was cut in: it may have run in circles there.
    """
    detokenizer, parser = Detokenizer(vocabulary), TranscriptParser(seconds)
    text = "".join(map(detokenizer.feed, answer.tokens))
    before = _closed(parser.feed(answer.done.forced))
    said = parser.unfinished
    behind = _closed(parser.feed(text))
    if answer.done.reason is not EndReason.LENGTH:
        behind += _closed(parser.finish())
    if said:
        before, behind = behind[:1], behind[1:]
    last = before[-1].segment if before else None
    segments = [event.segment for event in behind]
    if last is not None and said:
        segments = [*_added(last, said), *segments]
    speech = [replace(s, text=without_loop(s.text)) for s in segments if s.is_speech]
    heard = (s for s, other in zip(speech, [last, *speech], strict=False) if not _echoes(s, other))
    return Reading(tuple(heard), tuple(Written(e.segment, e.source) for e in behind if e.source))


def _closed(events: Iterable[TranscriptEvent]) -> list[SegmentClosed]:
    return [event for event in events if isinstance(event, SegmentClosed)]


def _added(segment: Segment, said: str) -> list[Segment]:
    """What the model added to a segment that it found with the content ``said``; none if that is no word."""
    added = segment.text.removeprefix(said).lstrip(_ENDINGS)
    if not any(character.isalnum() for character in added):
        return []
    return [Segment(0, segment.end, segment.end, segment.speaker, added)]


def _echoes(segment: Segment, before: Segment | None) -> bool:
    """It says the same as the segment before and takes next to no time: written, but not heard."""
    return (
        before is not None
        and segment.text == before.text
        and segment.end - segment.start < _ECHO * (before.end - before.start)
    )
