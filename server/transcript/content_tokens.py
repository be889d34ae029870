"""The tokens that carry a segment's content: their ids and mean log-probability, and on request each by itself."""

from __future__ import annotations

from dataclasses import replace

from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob


class ContentTokens:
    """Follows an answer token by token. A token is handed out once, so the time is linear in the answer.

    Args:
        vocabulary: of the checkpoint.
        logprobs: deltas get their tokens with log-probabilities; else no such object is made.
    """

    def __init__(self, vocabulary: Vocabulary, *, logprobs: bool) -> None:
        self._vocabulary = vocabulary
        self._logprobs = logprobs
        self._undecided: list[tuple[int, float]] = []
        self._segment: list[int] = []
        self._sum = 0.0
        self._unshown: list[TokenLogprob] = []

    def add(self, token: int, logprob: float) -> None:
        """The answer's next token. What it carries is told by `take` or `drop`."""
        if self._vocabulary.bytes_of(token):
            self._undecided.append((token, logprob))

    def take(self) -> None:
        """The tokens added since the last decision carry content of the open segment."""
        for token, logprob in self._undecided:
            self._segment.append(token)
            self._sum += logprob
            if self._logprobs:
                spelled = self._vocabulary.bytes_of(token)
                self._unshown.append(TokenLogprob(spelled.decode("utf-8", "replace"), tuple(spelled), logprob))
        self._undecided.clear()

    def drop(self) -> None:
        """The tokens added since the last decision carry none."""
        self._undecided.clear()

    def forget(self) -> None:
        """What was taken is content that nobody is told."""
        self._segment, self._sum, self._unshown = [], 0.0, []

    def attach(self, event: TranscriptEvent) -> TranscriptEvent:
        """A delta with the tokens behind it, a segment with all its ids and their mean."""
        unshown, self._unshown = self._unshown, []
        if isinstance(event, SpeechDelta):
            return replace(event, logprobs=tuple(unshown)) if unshown else event
        tokens, self._segment = self._segment, []
        total, self._sum = self._sum, 0.0
        if not tokens:
            return event
        segment = replace(event.segment, tokens=tuple(tokens), avg_logprob=total / len(tokens))
        return replace(event, segment=segment)
