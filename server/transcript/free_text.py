"""An answer in the model's own words, as a transcript: what nobody knows of it is not made up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from server.transcript.content_tokens import ContentTokens
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob, seen
from server.transcript.parser import NO_ANSWER
from server.transcript.segments import Segment, Transcript, Usage

CUT = "The answer reached its length limit."


class FreeTextAssembler:
    """Does for an answer to an instruction what `TranscriptAssembler` does for a transcription's.

    The text is told as it is written, whatever it looks like, but for the space around it. It becomes one segment over
    the whole recording, which nobody speaks. Joined, the texts of all deltas equal ``Transcript.text``.

    Args:
        vocabulary: of the checkpoint.
        duration: of the recording, in seconds.
        lead: seconds that all times are later: the sound begins so long after what times count from.
        logprobs: collect the log-probability of every token of the text.
        begun: the transcript's segment, where it was told before: then it is not told again, and stays as it is.

    Attributes:
        vocabulary: of the checkpoint.
        segments: those that are whole: none before the end.
        speaker_names: it tells of nobody's voice.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        duration: float,
        *,
        lead: float = 0.0,
        logprobs: bool = False,
        begun: Sequence[Segment] = (),
    ) -> None:
        self.vocabulary = vocabulary
        self.segments = begun
        self._over = bool(begun)
        self.speaker_names: Mapping[int, str] = {}
        self._times = (lead, lead + duration)
        self._detokenizer = Detokenizer(vocabulary)
        self._tokens = ContentTokens(vocabulary, logprobs=logprobs)
        self._logprobs: list[TokenLogprob] = []
        self._shown: list[str] = []
        self._seen = 0  # characters of them
        self._blank = ""  # is told when something follows

    @property
    def logprobs(self) -> tuple[TokenLogprob, ...]:
        """Of the text so far, where they are collected."""
        return tuple(self._logprobs)

    def begin(self, forced: str) -> list[TranscriptEvent]:
        """Take text that the answer was made to go on with, which has no tokens."""
        return self._told(forced)

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """Take the answer's next tokens with their log-probabilities. Returns the words that they add."""
        events: list[TranscriptEvent] = []
        for token, logprob in zip(tokens, logprobs, strict=True):
            self._tokens.add(token, logprob)
            if text := self._detokenizer.feed(token):
                events += self._told(text)
        return events

    def finish(
        self, *, cut: bool = False, usage: Usage | None = None, notes: Iterable[str] = ()
    ) -> tuple[list[TranscriptEvent], Transcript]:
        """The answer is over; see `TranscriptAssembler.finish`."""
        text, events = "".join(self._shown), []
        if text and not self._over:
            closed = self._tokens.attach(SegmentClosed(Segment(0, *self._times, None, text, free=True)))
            assert isinstance(closed, SegmentClosed)
            self.segments = (closed.segment,)
            events = [closed]
        own = [*([CUT] if cut else []), *([] if text else [NO_ANSWER])]

        transcript = Transcript(
            segments=tuple(self.segments),
            duration=self._times[1],
            complete=not own,
            logprobs=self.logprobs,
            usage=usage,
            notes=(*notes, *own),
        )
        return list[TranscriptEvent](events), transcript

    def _told(self, text: str) -> list[TranscriptEvent]:
        text = self._blank + text
        if not self._shown:
            text = text.lstrip()
        shown = text.rstrip()
        self._blank = text[len(shown) :]
        if not shown:
            if not self._shown:
                self._tokens.drop()
            return []
        self._shown.append(shown)
        self._seen += seen(shown)
        self._tokens.take(self._seen)
        delta = self._tokens.attach(SpeechDelta(0, shown, self._times))
        assert isinstance(delta, SpeechDelta)
        self._logprobs += delta.logprobs
        return [] if self._over else [delta]
