"""An answer as it is read, with the tokens that a later attempt at it begins with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol

from server.hearing.heard import Heard
from server.recordings.begun import Answered
from server.transcript.events import SegmentClosed, TranscriptEvent


class Reader(Protocol):
    """Reads one answer, token by token."""

    def begin(self, forced: str) -> list[TranscriptEvent]:
        """Text that the answer was made to begin, or go on, with."""

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """The next tokens."""


class WrittenAnswer:
    """Reads the parts of an answer, and knows where in its tokens each segment ends.

    Args:
        reader: of the answer.
        begun: tokens that it begins with, of an earlier attempt; it was told then what they say.
    """

    def __init__(self, reader: Reader, begun: tuple[int, ...] = ()) -> None:
        self._reader = reader
        self._begun = begun
        self._tokens = list(begun)

    def read(self, part: Heard) -> Iterator[TranscriptEvent]:
        """The events of the next part. Those of what the answer was made to begin with are among them."""
        if part.forced and part.behind is None:  # in front of everything
            yield from self._reader.begin(part.forced)
        yield from self.catch_up()
        if part.behind is not None:
            self._tokens = list(part.behind)
            yield from self.placed(self._reader.begin(part.forced))
        for token, logprob in zip(part.tokens, part.logprobs, strict=True):
            self._tokens.append(token)
            yield from self.placed(self._reader.feed((token,), (logprob,)))

    def catch_up(self) -> list[TranscriptEvent]:
        """The events of what was begun, unless they were told: where nothing follows there is no part to be read."""
        begun, self._begun = self._begun, ()
        return self._reader.feed(begun, [0.0] * len(begun))

    def placed(self, events: Iterable[TranscriptEvent]) -> Iterator[TranscriptEvent]:
        """Events of what was read last, with the place of each segment's end."""
        for event in events:
            yield replace(event, answered=len(self._tokens)) if isinstance(event, SegmentClosed) else event

    def up_to(self, event: SegmentClosed) -> Answered:
        """What a later attempt begins with, when this segment is the last that was told."""
        if event.answered is None:
            return Answered()
        return Answered(tuple(self._tokens[: event.answered]), event.segment.index + 1)
