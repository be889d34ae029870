"""From a stream's answer tokens to the events of a transcript, and to the transcript: what API handlers use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from server.transcript.answer_reader import AnswerReader
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob
from server.transcript.references import ReferenceClip, ReferenceFilter
from server.transcript.segments import Segment, Transcript, Usage


class TranscriptAssembler:
    """Assembles one transcript. Joined, the texts of all deltas equal ``Transcript.text``.

    Args:
        vocabulary: of the checkpoint.
        duration: of the recording, in seconds, reference clips excluded.
        clips: known speakers' clips that stand in front of the recording.
        offset: where the recording begins behind the clips, in seconds.
        lead: seconds that all times are later: the sound begins so long after what times count from.
        logprobs: collect the log-probability of every token of the text.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        duration: float,
        *,
        clips: Sequence[ReferenceClip] = (),
        offset: float = 0.0,
        lead: float = 0.0,
        logprobs: bool = False,
    ) -> None:
        self._duration = lead + duration
        self._lead = lead
        self._reader = AnswerReader(vocabulary, offset + duration, logprobs=logprobs)
        self._references = ReferenceFilter(clips, offset, duration) if clips else None
        self._joiner = _DeltaJoiner()
        self._names: Mapping[int, str] = self._references.names if self._references else {}
        self._segments: list[Segment] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def speaker_names(self) -> Mapping[int, str]:
        """Known speakers by number: the same object all the time, filled when the recording's first segment closes."""
        return self._names

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """Take the answer's next tokens with their log-probabilities. Returns what has become certain."""
        return self._publish(self._reader.feed(tokens, logprobs))

    def finish(
        self, *, cut: bool = False, usage: Usage | None = None, notes: Iterable[str] = ()
    ) -> tuple[list[TranscriptEvent], Transcript]:
        """The answer is over; call once. Returns the last events and the transcript.

        Args:
            cut: the answer was stopped by a length limit, not by the model.
            usage: what the request cost.
            notes: what else the caller should know, put in front of the notes about the answer.
        """
        events = self._publish(self._reader.finish(cut=cut))
        transcript = Transcript(
            segments=tuple(self._segments),
            duration=self._duration,
            complete=self._reader.complete,
            logprobs=tuple(self._logprobs),
            usage=usage,
            notes=(*notes, *self._reader.notes),
            speaker_names=dict(self._names),
        )
        return events, transcript

    def _publish(self, events: list[TranscriptEvent]) -> list[TranscriptEvent]:
        """What was read, as callers get it."""
        if self._references:
            events = self._references.feed(events)
        if self._lead:
            events = [_later(event, self._lead) for event in events]
        events = [self._joiner.join(event) for event in events]
        for event in events:
            if isinstance(event, SegmentClosed):
                self._segments.append(event.segment)
            else:
                self._logprobs += event.logprobs
        return events


def _later(event: TranscriptEvent, seconds: float) -> TranscriptEvent:
    if isinstance(event, SpeechDelta):
        return replace(event, times=event.times and (event.times[0] + seconds, event.times[1] + seconds))
    segment = event.segment
    return replace(event, segment=replace(segment, start=segment.start + seconds, end=segment.end + seconds))


class _DeltaJoiner:
    """Puts the space between the segments, so that a reader can simply append every delta."""

    def __init__(self) -> None:
        self._segment: int | None = None

    def join(self, event: TranscriptEvent) -> TranscriptEvent:
        if not isinstance(event, SpeechDelta) or event.segment == self._segment:
            return event
        first, self._segment = self._segment is None, event.segment
        return event if first else replace(event, text=f" {event.text}")
