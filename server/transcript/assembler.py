"""From a stream's answer tokens to the events of a transcript, and to the transcript: what API handlers use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from server.transcript.answer_reader import AnswerReader
from server.transcript.building import TranscriptBuilder, later
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import TranscriptEvent, segment_of
from server.transcript.logprobs import TokenLogprob
from server.transcript.references import ReferenceClip, ReferenceFilter
from server.transcript.segments import Segment, Transcript, Usage
from server.transcript.turn_reader import TurnForm, TurnReader


class TranscriptAssembler:
    """Assembles one transcript of one answer. Joined, the texts of all deltas equal ``Transcript.text``.

    Args:
        vocabulary: of the checkpoint.
        duration: of the recording, in seconds, reference clips excluded.
        clips: known speakers' clips that stand in front of the recording.
        offset: where the recording begins behind the clips, in seconds.
        lead: seconds that all times are later: the sound begins so long after what times count from.
        logprobs: collect the log-probability of every token of the text.
        begun: the transcript's first segments, where they are known. What the answer says of them is not told.
        turns: how the answer is laid out, where it is written by turns.

    Attributes:
        vocabulary: of the checkpoint.
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
        begun: Sequence[Segment] = (),
        turns: TurnForm | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self._duration = lead + duration
        self._lead = lead
        self._reader: AnswerReader | TurnReader = (
            AnswerReader(vocabulary, offset + duration, logprobs=logprobs)
            if turns is None
            else TurnReader(vocabulary, offset + duration, turns, logprobs=logprobs)
        )
        self._references = ReferenceFilter(clips, offset, duration) if clips else None
        self._builder = TranscriptBuilder(begun)
        self._names: Mapping[int, str] = self._references.names if self._references else {}
        self._begun = len(begun)

    @property
    def speaker_names(self) -> Mapping[int, str]:
        """Known speakers by number: the same object all the time, filled when the recording's first segment closes."""
        return self._names

    @property
    def segments(self) -> Sequence[Segment]:
        """Those that are whole so far."""
        return tuple(self._builder.segments)

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """Of their text, where they are collected."""
        return tuple(self._builder.logprobs[: self._builder.settled])

    def begin(self, forced: str) -> list[TranscriptEvent]:
        """Take the text that the answer was made to begin with, before its tokens."""
        return self._publish(self._reader.begin(forced))

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
            segments=tuple(self._builder.segments),
            duration=self._duration,
            complete=self._reader.complete,
            logprobs=tuple(self._builder.logprobs),
            usage=usage,
            notes=(*notes, *self._reader.notes),
            speaker_names=dict(self._names),
        )
        return events, transcript

    def _publish(self, events: list[TranscriptEvent]) -> list[TranscriptEvent]:
        """What was read, as callers get it."""
        if self._references:
            events = self._references.feed(events)
        new = (event for event in events if segment_of(event) >= self._begun)
        return self._builder.add(later(event, self._lead) if self._lead else event for event in new)
