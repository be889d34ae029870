"""A session as its two sides see it: what the client sends, what the server hears, and what comes of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from server.live.vocabulary.actions import Action, Close, Flush, Send
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    LiveEvent,
    SegmentCommitted,
    Silence,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId, flush_ids
from server.protocols.flux.query import FluxQuery
from server.protocols.flux.session import FluxSession
from server.transcript.segments import Segment
from server.transcript.words import segment_words

REQUEST_ID = "5add2b9f-42a7-406f-9fac-7ac4be9dc2cb"
Message = dict[str, Any]


def segment(index: int, start: float, end: float, text: str, speaker: int | None = 0) -> Segment:
    return Segment(index, start, end, speaker, text, -0.1)


def words(whole: Segment) -> WordsCommitted:
    """All words of a segment at once."""
    return WordsCommitted(whole.index, whole.speaker, tuple(segment_words(whole)), whole.text)


def quiet(since: float, seconds: float, *, finished: bool = True) -> Silence:
    return Silence(since, seconds, finished)


class Conversation:
    """Each method returns the messages that it made the server send.

    Attributes:
        actions: everything the session asked for but sending.
        sent: all messages so far.
    """

    def __init__(self, query: str = "") -> None:
        pairs = [tuple(part.partition("=")[::2]) for part in query.split("&") if part]
        self.session = FluxSession(FluxQuery.parse((name, value) for name, value in pairs), request_id=REQUEST_ID)
        self.actions: list[Action] = []
        self.sent: list[Message] = []
        self._turn_ids = flush_ids(Asker.TURNS)
        self._take(self.session.opened())

    @property
    def closed(self) -> int | None:
        """The code of the closing frame."""
        return next((action.code for action in self.actions if isinstance(action, Close)), None)

    @property
    def asked(self) -> list[FlushId]:
        """The flushes that the session asked for."""
        return [action.id for action in self.actions if isinstance(action, Flush)]

    def say(self, kind: str, **fields: object) -> list[Message]:
        return self.send(json.dumps({"type": kind, **fields}))

    def send(self, frame: str | bytes) -> list[Message]:
        return self._take(self.session.received(frame))

    def hear(self, *events: LiveEvent) -> list[Message]:
        return [message for event in events for message in self._take(self.session.heard(event))]

    def audio(self, until: float) -> list[Message]:
        return self.hear(AudioHeard(until))

    def speech(self, at: float) -> list[Message]:
        return self.hear(SpeechStarted(at))

    def suppose(self, *segments: Segment) -> list[Message]:
        return self.hear(Hypothesis(segments))

    def pause(self, silence: Silence) -> list[Message]:
        return self.hear(SpeechPaused(silence))

    def resume(self, at: float) -> list[Message]:
        return self.hear(SpeechResumed(at))

    def stop(self, silence: Silence, *whole: Segment) -> list[Message]:
        """The turn is over, and all of it is in these segments."""
        at, flush = silence.since + silence.seconds, next(self._turn_ids)
        return [*self.hear(SpeechStopped(at, flush, silence)), *self.settle(*whole), *self.hear(Flushed(at, flush))]

    def settle(self, *whole: Segment) -> list[Message]:
        committed = [event for each in whole for event in (words(each), SegmentCommitted(each))]
        return self.hear(*committed, Hypothesis(()))

    def flushed(self, until: float, flush: FlushId) -> list[Message]:
        return self.hear(Flushed(until, flush))

    def finished(self, duration: float) -> list[Message]:
        return self.hear(Finished(duration))

    def ended(self, actions: Sequence[Action]) -> list[Message]:
        return self._take(actions)

    def _take(self, actions: Sequence[Action]) -> list[Message]:
        self.actions += [action for action in actions if not isinstance(action, Send)]
        messages = [json.loads(json.dumps(action.event)) for action in actions if isinstance(action, Send)]
        self.sent += messages
        return messages


def events(messages: Sequence[Message]) -> list[str]:
    return [message["event"] for message in messages]


def told(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """What happened to the turn, and its words by then."""
    return [(message["event"], message["transcript"]) for message in messages]
