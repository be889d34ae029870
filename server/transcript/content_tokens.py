"""The tokens that carry a segment's content: their ids and mean log-probability, and on request each by itself."""

from __future__ import annotations

from dataclasses import replace

from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob, seen
from server.transcript.probabilities import Probabilities


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
        self._places: list[tuple[int, int, float]] = []  # of the segment's tokens, in all content
        self._begin = self._reached = 0  # of the open segment, and what is read by now
        self._unshown: list[TokenLogprob] = []

    def add(self, token: int, logprob: float) -> None:
        """The answer's next token. What it carries is told by `take` or `drop`."""
        if self._vocabulary.bytes_of(token):
            self._undecided.append((token, logprob))

    def take(self, reached: int, *, begun: bool = False) -> None:
        """The tokens added since the last decision carry content of the open segment.

        Which of several carries which part of it nobody knows, so each is taken for carrying all.

        Args:
            reached: characters of content that are seen with them.
            begun: the last of them begins another one.
        """
        before, self._reached = self._reached, reached
        last = len(self._undecided) - 1
        for place, (token, logprob) in enumerate(self._undecided):
            self._segment.append(token)
            self._places.append((before, reached + (begun and place == last), logprob))
            if self._logprobs:
                spelled = self._vocabulary.bytes_of(token)
                self._unshown.append(TokenLogprob(spelled.decode("utf-8", "replace"), tuple(spelled), logprob))
        self._undecided.clear()

    def drop(self) -> None:
        """The tokens added since the last decision carry none."""
        self._undecided.clear()

    def forget(self) -> None:
        """What was taken is content that nobody is told."""
        self._segment, self._places, self._unshown = [], [], []

    def open_at(self, begin: int) -> None:
        """The segment that is open, or the next one, begins behind so many characters of content."""
        self._begin = begin

    def attach(self, event: TranscriptEvent) -> TranscriptEvent:
        """A delta with the tokens behind it, a segment with all its ids, their mean, and what each of them says."""
        unshown, self._unshown = self._unshown, []
        if isinstance(event, SpeechDelta):
            return replace(event, logprobs=tuple(unshown)) if unshown else event
        tokens, self._segment = self._segment, []
        places, self._places = self._places, []
        begin, length = self._begin, seen(event.segment.text)
        self._begin += length
        if not tokens:
            return event
        segment = replace(
            event.segment,
            tokens=tuple(tokens),
            avg_logprob=sum(logprob for *_, logprob in places) / len(tokens),
            probabilities=Probabilities.of(((one - begin, end - begin, p) for one, end, p in places), length),
        )
        return replace(event, segment=segment)
