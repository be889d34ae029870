"""A session as its two sides see it: what the client sends, what the server hears, and what comes of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Self

from server.live.vocabulary.actions import Action, Close, Flush, Send
from server.live.vocabulary.events import (
    AudioHeard,
    Channel,
    Finished,
    Flushed,
    Hypothesis,
    LiveEvent,
    SegmentCommitted,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId, flush_ids
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.session import DeepgramSession
from server.transcript.segments import Segment
from server.transcript.words import joined, segment_words

REQUEST_ID = "req_1"
CREATED = "2026-01-02T03:04:05.678Z"
Message = dict[str, Any]


def segment(index: int, start: float, end: float, text: str, speaker: int | None = 0, logprob: float = 0.0) -> Segment:
    return Segment(index, start, end, speaker, text, logprob)


class Conversation:
    """Each method returns the messages that it made the server send.

    Attributes:
        actions: everything the session asked for but sending.
    """

    def __init__(self, query: str = "") -> None:
        pairs = [tuple(part.partition("=")[::2]) for part in query.split("&") if part]
        self.query = ListenQuery.parse((name, value) for name, value in pairs)
        self.session = DeepgramSession(
            self.query,
            served_model="vibevoice-asr",
            request_id=REQUEST_ID,
            created=CREATED,
        )
        self.actions: list[Action] = []
        self._channel = Channel()
        self._asked: deque[FlushId] = deque()
        self._turns: dict[float, FlushId] = {}  # by their ends
        self._turn_ids = flush_ids(Asker.TURNS)
        self._take(self.session.opened())

    @property
    def closed(self) -> int | None:
        """The code of the closing frame."""
        return next((action.code for action in self.actions if isinstance(action, Close)), None)

    def say(self, kind: str, **fields: object) -> list[Message]:
        return self._take(self.session.received(json.dumps({"type": kind, **fields})))

    def send(self, frame: str | bytes) -> list[Message]:
        return self._take(self.session.received(frame))

    def on(self, channel: Channel) -> Self:
        """What is heard next is heard there."""
        self._channel = channel
        return self

    def hear(self, event: LiveEvent) -> list[Message]:
        return self._take(self.session.heard(event))

    def happens(self, event: LiveEvent) -> list[Message]:
        """On the channel of the moment."""
        return self.hear(replace(event, channel=self._channel))

    def audio(self, until: float) -> list[Message]:
        return self.happens(AudioHeard(until))

    def speech(self, at: float) -> list[Message]:
        return self.happens(SpeechStarted(at))

    def silence(self, at: float) -> list[Message]:
        self._turns[at] = next(self._turn_ids)
        return self.happens(SpeechStopped(at, self._turns[at]))

    def suppose(self, *segments: Segment) -> list[Message]:
        return self.happens(Hypothesis(segments))

    def commit(self, whole: Segment, first: int, last: int) -> list[Message]:
        """The words of a segment from place ``first`` to before ``last``."""
        words = segment_words(whole)[first:last]
        return self.happens(WordsCommitted(whole.index, whole.speaker, tuple(words), joined(words), words[0].lead))

    def close(self, whole: Segment) -> list[Message]:
        return self.happens(SegmentCommitted(whole))

    def flushed(self, until: float, flush: FlushId | None = None) -> list[Message]:
        """The turn that ended there is flushed, or else what was asked for first, or what the server asked for."""
        flush = flush or self._turns.pop(until, None)
        if flush is None:
            flush = self._asked.popleft() if self._asked else FlushId(Asker.SERVER, 0)
        return self.happens(Flushed(until, flush))

    def finished(self, duration: float) -> list[Message]:
        return self.happens(Finished(duration))

    def _take(self, actions: Sequence[Action]) -> list[Message]:
        self.actions += [action for action in actions if not isinstance(action, Send)]
        self._asked += [action.id for action in actions if isinstance(action, Flush)]
        return [json.loads(json.dumps(action.event)) for action in actions if isinstance(action, Send)]


def best(results: Message) -> Message:
    """The only alternative."""
    (alternative,) = results["channel"]["alternatives"]
    made: Message = alternative
    return made


def text(results: Message) -> str:
    transcript: str = best(results)["transcript"]
    return transcript


def interval(results: Message) -> tuple[float, float]:
    return results["start"], round(results["start"] + results["duration"], 3)


def flags(results: Message) -> tuple[bool, bool, bool]:
    """is_final, speech_final, from_finalize."""
    return results["is_final"], results["speech_final"], results["from_finalize"]
