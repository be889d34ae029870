"""One session of Deepgram's Flux, without a socket.

What is promised to clients and what is approximated stands in docs/flux.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from server.context import ANY_ROOM, ContextRoom, ContextTooLong
from server.live.vocabulary.actions import Action, Close, Finish, Flush, Hear, Send, SetContext, SetTurns
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    IdleTimedOut,
    LiveEvent,
    SegmentCommitted,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId, flush_ids
from server.live.vocabulary.protocol import LiveProtocol, SessionEnd
from server.protocols.deepgram.alternatives import JsonObject
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.deepgram.messages import close_of, too_many_terms
from server.protocols.deepgram.state import STAGES, Machine, Stage, StageMove
from server.protocols.flux import messages
from server.protocols.flux.configuration import Configuration
from server.protocols.flux.query import FluxQuery
from server.protocols.flux.turns import Trigger, Turns

_POLICY_VIOLATION = 1008


class FluxSession(LiveProtocol[str | bytes]):
    """The state machine between a client's frames and a live session's events.

    Args:
        query: what the client wants.
        request_id: the same as in the handshake's answer.
        room: for key terms.
    """

    def __init__(self, query: FluxQuery, *, request_id: str, room: ContextRoom = ANY_ROOM) -> None:
        self._room = room
        self._request_id = request_id
        self._format = query.format
        self._configuration = Configuration.of(query)
        self._sequence = count()
        self._flush_ids = flush_ids(Asker.PROTOCOL)
        self._asked: dict[FlushId, Trigger] = {}  # flushes on their way
        self._stage = Machine(STAGES, Stage.OPEN)
        self._turns = Turns(self._configuration)

    def opened(self) -> Sequence[Action]:
        """``Connected``: some clients send no audio before."""
        configuration = self._configuration
        context = [SetContext(configuration.context)] if configuration.context else []
        return [
            self._format,
            SetTurns(configuration.thresholds.turns),
            *context,
            self._message({"type": "Connected"}),
        ]

    def read(self, frame: str | bytes) -> str | bytes:
        """Audio is binary, and messages are short."""
        return frame

    def received(self, message: str | bytes) -> Sequence[Action]:
        """Audio, or a control message. One that cannot be read ends the session, as it does at Deepgram."""
        if self._stage.state is not Stage.OPEN:
            return []
        if isinstance(message, bytes):
            return [Hear(message)] if message else []
        fields = messages.read_message(message)
        match fields["type"] if fields else None:
            case "CloseStream":
                self._stage.move(StageMove.CLOSE_STREAM)
                return [Finish()]
            case "Configure":
                return self._configure(fields or {})
            case "ForceEndTurn":
                return [self._flush(Trigger.MANUAL)]
            case "KeepAlive":
                return []
            case _:
                self._stage.move(StageMove.ENDED)
                return [self._message(messages.unreadable()), Close(_POLICY_VIOLATION, "the message cannot be read")]

    def heard(self, event: LiveEvent) -> Sequence[Action]:
        """Words and silences become ``TurnInfo``."""
        if self._stage.state is Stage.CLOSED:
            return []
        told: list[Action] = [self._message(info) for info in self._told(event)]
        if isinstance(event, Finished):
            self._stage.move(StageMove.FINISHED)
            return [*told, Close()]
        if self._turns.overdue and Trigger.TIMEOUT not in self._asked.values():
            return [*told, self._flush(Trigger.TIMEOUT)]
        return told

    def ended(self, why: SessionEnd, message: str) -> Sequence[Action]:
        """An ``Error`` says why, then the connection closes."""
        self._stage.move(StageMove.ENDED)
        return [self._message(messages.ended(why, message)), Close(*close_of(why))]

    def _told(self, event: LiveEvent) -> list[JsonObject]:
        turns = self._turns
        match event:
            case AudioHeard(until):
                return turns.listened(until)
            case SpeechStarted():
                return turns.started()
            case SpeechPaused(silence):
                return turns.paused(silence)
            case SpeechResumed():
                return turns.resumed()
            case SpeechStopped(silence=silence):
                return turns.stopped(silence)
            case IdleTimedOut():
                return []
            case WordsCommitted():
                return turns.commit(event)
            case Hypothesis():
                return turns.suppose(event)
            case SegmentCommitted(segment):
                return turns.close(segment)
            case Flushed(until, flush):
                return turns.finish(until, self._trigger(flush))
            case Finished(duration):
                return turns.finish(duration, Trigger.CLOSE)

    def _trigger(self, flush: FlushId) -> Trigger | None:
        """What ends a turn that is flushed; None: its silence."""
        match flush.asker:
            case Asker.TURNS:
                return None
            case Asker.PROTOCOL:
                return self._asked.pop(flush, Trigger.MANUAL)
            case Asker.SERVER:
                return Trigger.CLOSE

    def _flush(self, trigger: Trigger) -> Flush:
        """Everything heard so far is to be known, and the turn ends there, if there is one then."""
        flush = next(self._flush_ids)
        self._asked[flush] = trigger
        return Flush(flush)

    def _configure(self, fields: Mapping[str, Any]) -> list[Action]:
        old = self._configuration
        try:
            new = old.updated(fields)
            self._room.check(new.context)
        except InvalidQuery as error:
            return [self._message(messages.not_configured("INVALID_CONFIGURATION", error.message))]
        except ContextTooLong as error:
            return [self._message(too_many_terms(self._request_id, error.limit))]
        self._configuration = new
        self._turns.configure(new)
        changes: list[Action] = []
        if new.thresholds != old.thresholds:
            changes.append(SetTurns(new.thresholds.turns))
        if new.context != old.context:
            changes.append(SetContext(new.context))
        return [*changes, self._message(messages.configured(new))]

    def _message(self, fields: JsonObject) -> Send:
        """With the number that all messages of a session have."""
        named = {"type": fields["type"], "request_id": self._request_id, "sequence_id": next(self._sequence)}
        return Send(named | fields)
