"""The model's answer to a window, read: what it says behind the segments that it was made to begin with."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from server.engine.client.answer import WholeAnswer
from server.engine.messages import EndReason
from server.transcript.answer_reader import AnswerReader
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TextLogprobs, TokenLogprob, seen
from server.transcript.segments import Segment

_ECHO = 0.3
"""Of the time that something took: who says it again needs more."""
_ENDINGS = ".,;:!?…‥。．、，；：！？।॥،؛؟۔)]}»”’」』）】 "
"""Marks that belong to the words before them, and blanks."""


@dataclass(frozen=True, slots=True)
class WrittenSegment:
    """A segment, tags included, and the JSON object that the model wrote it in."""

    segment: Segment
    source: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What an answer says behind what was forced, in seconds of the window.

    Attributes:
        segments: speech only; indices mean nothing.
        written: all whole segments, for the next guess.
        sounds: what is heard beside speech.
    """

    segments: tuple[Segment, ...]
    written: tuple[WrittenSegment, ...]
    sounds: tuple[Segment, ...]

    @property
    def without_last(self) -> Reading:
        """What it says in front of its last segment."""
        return Reading(self.segments[:-1], self.written[:-1], self.sounds)


def read(answer: WholeAnswer, vocabulary: Vocabulary, *, seconds: float, logprobs: bool = False) -> Reading:
    """Read what comes behind the segments that were forced. ``seconds``: of the window's audio.

    ``logprobs``: segments get those of their tokens.

    The last of them may be open where the model went on. If it had more to say there, that becomes a segment of the
    same speaker behind it. Of a segment that is written twice one is kept. An answer that was cut loses the segment
    that it was cut in: it may have run in circles there.
    """
    reader = AnswerReader(vocabulary, seconds, logprobs=logprobs)
    before = _closed(reader.begin(answer.done.forced))
    open_content = reader.unfinished
    events = reader.feed(answer.tokens, answer.logprobs)
    if answer.done.reason is not EndReason.LENGTH:
        events += reader.finish()
    behind = _closed(with_logprobs(events) if logprobs else events)
    if open_content:
        before, behind = behind[:1], behind[1:]
    last = before[-1].segment if before else None
    segments = [event.segment for event in behind]
    if last is not None and open_content:
        segments = [*_added(last, open_content), *segments]
    speech = [segment for segment in segments if segment.is_speech]
    heard = (s for s, other in zip(speech, [last, *speech], strict=False) if not _echoes(s, other))
    written = tuple(WrittenSegment(e.segment, e.source) for e in behind if e.source)
    return Reading(tuple(heard), written, tuple(segment for segment in segments if not segment.is_speech))


def _closed(events: Iterable[TranscriptEvent]) -> list[SegmentClosed]:
    return [event for event in events if isinstance(event, SegmentClosed)]


def with_logprobs(events: Iterable[TranscriptEvent]) -> Iterator[TranscriptEvent]:
    """Segments with the log-probabilities that their deltas bring."""
    pieces: dict[int, list[tuple[str, tuple[TokenLogprob, ...]]]] = defaultdict(list)
    for event in events:
        if isinstance(event, SpeechDelta):
            pieces[event.segment].append((event.text, event.logprobs))
        else:
            segment = replace(event.segment, logprobs=TextLogprobs.of(pieces.pop(event.segment.index, ())))
            yield replace(event, segment=segment)


def _added(segment: Segment, content: str) -> list[Segment]:
    """What the model added to a segment that it found with this ``content``; none if that is no word."""
    behind = segment.text.removeprefix(content)
    added = behind.lstrip(_ENDINGS)
    if not any(character.isalnum() for character in added):
        return []
    logprobs = segment.logprobs and segment.logprobs.behind(seen(behind) - seen(added))
    last = seen(segment.text)
    known = segment.probabilities and segment.probabilities.part(last - seen(added), last)
    return [replace(segment, start=segment.end, text=added, logprobs=logprobs, probabilities=known)]


def _echoes(segment: Segment, before: Segment | None) -> bool:
    """It says the same as the segment before and takes next to no time: written, but not heard."""
    return (
        before is not None
        and segment.text == before.text
        and segment.end - segment.start < _ECHO * (before.end - before.start)
    )
