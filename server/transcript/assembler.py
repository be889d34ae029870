"""From a stream's answer tokens to the events of a transcript, and to the transcript: what API handlers use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

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
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        duration: float,
        *,
        clips: Sequence[ReferenceClip] = (),
        offset: float = 0.0,
    ) -> None:
        self._duration = duration
        self._detokenizer = Detokenizer(vocabulary)
        self._parser = TranscriptParser(offset + duration)
        self._logprobs = _LogprobCollector(vocabulary)
        self._references = ReferenceFilter(clips, offset, duration) if clips else None
        self._joiner = _DeltaJoiner()
        self._names: Mapping[int, str] = self._references.names if self._references else {}
        self._segments: list[Segment] = []
        self._token_logprobs: list[TokenLogprob] = []

    @property
    def speaker_names(self) -> Mapping[int, str]:
        """Known speakers by number: the same object all the time, filled when the recording's first segment closes."""
        return self._names

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """Take the answer's next tokens with their log-probabilities. Returns what has become certain."""
        events: list[TranscriptEvent] = []
        for token, logprob in zip(tokens, logprobs, strict=True):
            content = self._parser.content_length
            text = self._detokenizer.feed(token)
            parsed = self._parser.feed(text) if text else []
            self._logprobs.add(token, logprob, settled=bool(text), content=self._parser.content_length > content)
            events += self._publish(parsed)
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
            logprobs=tuple(self._token_logprobs),
            usage=usage,
            notes=(*notes, *self._parser.notes),
            speaker_names=dict(self._names),
        )
        return events, transcript

    def _publish(self, parsed: list[TranscriptEvent]) -> list[TranscriptEvent]:
        if not parsed:
            return []
        events = [self._logprobs.attach(event) for event in parsed]
        if self._references:
            events = self._references.feed(events)
        events = [self._joiner.join(event) for event in events]
        for event in events:
            if isinstance(event, SegmentClosed):
                self._segments.append(event.segment)
                if event.segment.is_speech:
                    self._token_logprobs += event.logprobs
        return events


class _LogprobCollector:
    """Keeps the log-probabilities of the tokens that carry the open segment's content."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._unsettled: list[TokenLogprob] = []  # tokens of a character that is not whole yet
        self._segment: list[TokenLogprob] = []
        self._shown = 0

    def add(self, token: int, logprob: float, *, settled: bool, content: bool) -> None:
        """Take a token; ``settled``: it completed some text, ``content``: content was in that text."""
        spelled = self._vocabulary.bytes_of(token)
        if spelled:
            self._unsettled.append(TokenLogprob(spelled.decode("utf-8", "replace"), tuple(spelled), logprob))
        if settled:
            if content:
                self._segment += self._unsettled
            self._unsettled = []

    def attach(self, event: TranscriptEvent) -> TranscriptEvent:
        """The event with its tokens, and a segment with their mean."""
        tokens = tuple(self._segment)
        if isinstance(event, SpeechDelta):
            new, self._shown = tokens[self._shown :], len(tokens)
            return replace(event, logprobs=new)
        self._segment, self._shown = [], 0
        if not tokens:
            return event
        mean = sum(token.logprob for token in tokens) / len(tokens)
        return replace(event, segment=replace(event.segment, avg_logprob=mean), logprobs=tokens)


class _DeltaJoiner:
    """Puts the space between the segments, so that a reader can simply append every delta."""

    def __init__(self) -> None:
        self._segment: int | None = None

    def join(self, event: TranscriptEvent) -> TranscriptEvent:
        if not isinstance(event, SpeechDelta) or event.segment == self._segment:
            return event
        first, self._segment = self._segment is None, event.segment
        return event if first else replace(event, text=f" {event.text}")
