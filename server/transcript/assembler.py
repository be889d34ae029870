"""From a stream's answer tokens to the events of a transcript, and to the transcript: what API handlers use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from server.transcript.content_tokens import ContentTokens
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.parser import TranscriptParser
from server.transcript.references import ReferenceClip, ReferenceFilter
from server.transcript.segments import Segment, TokenLogprob, Transcript, Usage


class TranscriptAssembler:
    """Assembles one transcript. Joined, the texts of all deltas equal ``Transcript.text``.

    Args:
        vocabulary: of the checkpoint.
        duration: of the recording, in seconds, reference clips excluded.
        clips: known speakers' clips that stand in front of the recording.
        offset: where the recording begins behind the clips, in seconds.
        logprobs: collect the log-probability of every token of the text.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        duration: float,
        *,
        clips: Sequence[ReferenceClip] = (),
        offset: float = 0.0,
        logprobs: bool = False,
    ) -> None:
        self._duration = duration
        self._detokenizer = Detokenizer(vocabulary)
        self._parser = TranscriptParser(offset + duration)
        self._tokens = ContentTokens(vocabulary, logprobs=logprobs)
        self._references = ReferenceFilter(clips, offset, duration) if clips else None
        self._joiner = _DeltaJoiner()
        self._content = 0  # characters that the parser had read
        self._names: Mapping[int, str] = self._references.names if self._references else {}
        self._segments: list[Segment] = []
        self._logprobs: list[TokenLogprob] = []

    @property
    def speaker_names(self) -> Mapping[int, str]:
        """Known speakers by number: the same object all the time, filled when the recording's first segment closes."""
        return self._names

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """Take the answer's next tokens with their log-probabilities. Returns what has become certain."""
        events: list[TranscriptEvent] = []
        for token, logprob in zip(tokens, logprobs, strict=True):
            self._tokens.add(token, logprob)
            if text := self._detokenizer.feed(token):
                events += self._publish(self._parser.feed(text))
        return events

    def finish(
        self, *, cut: bool = False, usage: Usage | None = None, notes: Iterable[str] = ()
    ) -> tuple[list[TranscriptEvent], Transcript]:
        """The answer is over; call once. Returns the last events and the transcript.

        Args:
            cut: the answer was stopped by a length limit, not by the model.
            usage: what the request cost.
            notes: what else the caller should know, put in front of the notes about the answer.
        """
        events = self._publish(self._parser.finish(cut=cut))
        transcript = Transcript(
            segments=tuple(self._segments),
            duration=self._duration,
            complete=self._parser.complete,
            logprobs=tuple(self._logprobs),
            usage=usage,
            notes=(*notes, *self._parser.notes),
            speaker_names=dict(self._names),
        )
        return events, transcript

    def _publish(self, parsed: list[TranscriptEvent]) -> list[TranscriptEvent]:
        """Events of the text that was parsed last, as callers get them."""
        self._settle_tokens()
        events = [self._tokens.attach(event) for event in parsed]
        if self._references:
            events = self._references.feed(events)
        events = [self._joiner.join(event) for event in events]
        for event in events:
            if isinstance(event, SegmentClosed):
                self._segments.append(event.segment)
            else:
                self._logprobs += event.logprobs
        return events

    def _settle_tokens(self) -> None:
        content, self._content = self._content, self._parser.content_length
        if self._content > content:
            self._tokens.take()
        elif not self._parser.undecided:
            self._tokens.drop()


class _DeltaJoiner:
    """Puts the space between the segments, so that a reader can simply append every delta."""

    def __init__(self) -> None:
        self._segment: int | None = None

    def join(self, event: TranscriptEvent) -> TranscriptEvent:
        if not isinstance(event, SpeechDelta) or event.segment == self._segment:
            return event
        first, self._segment = self._segment is None, event.segment
        return event if first else replace(event, text=f" {event.text}")
