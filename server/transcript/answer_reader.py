"""One answer of the model, read token by token: what it says, with the log-probabilities of the tokens that say it."""

from __future__ import annotations

from collections.abc import Iterable

from server.transcript.content_tokens import ContentTokens
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.logprobs import seen
from server.transcript.parser import TranscriptParser


class AnswerReader:
    """Reads one answer. No method raises, whatever the tokens.

    Args:
        vocabulary: of the checkpoint.
        duration: of the audio, in seconds.
        logprobs: deltas get their tokens with log-probabilities. Segments have their mean all the same.
    """

    def __init__(self, vocabulary: Vocabulary, duration: float, *, logprobs: bool = False) -> None:
        self._detokenizer = Detokenizer(vocabulary)
        self._parser = TranscriptParser(duration)
        self._tokens = ContentTokens(vocabulary, logprobs=logprobs)
        self._content = 0  # characters that the parser had read
        self._told_before = 0  # segments that it had left out

    @property
    def complete(self) -> bool:
        """After ``finish``: the answer was whole."""
        return self._parser.complete

    @property
    def notes(self) -> list[str]:
        """After ``finish``: sentences about what was wrong with it."""
        return self._parser.notes

    @property
    def unfinished(self) -> str:
        """What the open segment says so far, shown or not; nothing where none is open."""
        return self._parser.unfinished

    def begin(self, forced: str) -> list[TranscriptEvent]:
        """Read text that the answer was made to begin with, or to go on with, before its tokens: it has none itself."""
        return self._attributed(self._parser.feed(forced))

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """Read the next tokens with their log-probabilities. Returns what has become certain, in order."""
        events: list[TranscriptEvent] = []
        for token, logprob in zip(tokens, logprobs, strict=True):
            self._tokens.add(token, logprob)
            if text := self._detokenizer.feed(token):
                events += self._attributed(self._parser.feed(text))
        return events

    def finish(self, *, cut: bool = False) -> list[TranscriptEvent]:
        """The answer is over; call once. ``cut``: it was stopped by a length limit, not by the model."""
        return self._attributed(self._parser.finish(cut=cut))

    def _attributed(self, parsed: list[TranscriptEvent]) -> list[TranscriptEvent]:
        """Events of the text that was parsed last, with the tokens that carried it."""
        content, self._content = self._content, self._parser.content_length
        if self._content > content:
            begun = self._detokenizer.unfinished or self._parser.undecided
            self._tokens.take(self._parser.content_seen, begun=begun)
        elif not self._parser.undecided:
            self._tokens.drop()
        left_out = self._parser.told_before > self._told_before
        if left_out:
            self._told_before = self._parser.told_before
            self._tokens.forget()
        events = [self._tokens.attach(event) for event in parsed]
        if left_out or any(isinstance(event, SegmentClosed) for event in parsed):
            self._tokens.open_at(self._parser.content_seen - seen(self._parser.unfinished))
        return events
