"""One session of Deepgram's Flux, without a socket.

What is promised to clients and what is approximated stands in docs/flux.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from server.context import ANY_ROOM, ContextRoom, ContextTooLong
from server.live.vocabulary.actions import (
    Action,
    Close,
    Finish,
    Flush,
    Hear,
    Resume,
    Send,
    SetContext,
    SetFormat,
    SetSounds,
    SetTurns,
)
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    Hypothesis,
    IdleTimedOut,
    LiveEvent,
    SegmentCommitted,
    SoundHeard,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import LiveProtocol, SessionEnd
from server.live.vocabulary.resumption import Offer, Refusal, Snapshot
from server.protocols.deepgram.alternatives import JsonObject
from server.protocols.deepgram.audio_query import InvalidQuery
from server.protocols.deepgram.messages import audio_event, close_of, read_resume, resumed, resumption, too_many_terms
from server.protocols.deepgram.state import STAGES, Machine, Stage, StageMove
from server.protocols.flux import messages
from server.protocols.flux.configuration import Configuration
from server.protocols.flux.query import FluxQuery
from server.protocols.flux.turns import Trigger, Turns, TurnsState

_POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True)
class _State:
    """What another connection has to know of the session. ``asked``: numbers of flushes, and what they end turns by."""

    format: SetFormat
    configuration: Configuration
    sequence: int
    next_flush: int
    asked: dict[int, Trigger]
    turns: TurnsState


_STATE = TypeAdapter(_State)


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
        self._resumable = query.resume
        self._begun = False  # audio was heard
        self._sequence = 0
        self._next_flush = 0
        self._asked: dict[FlushId, Trigger] = {}  # flushes on their way
        self._stage = Machine(STAGES, Stage.OPEN)
        self._turns = Turns(self._configuration)

    def opened(self) -> Sequence[Action]:
        """``Connected``: some clients send no audio before."""
        return [*self._begin, self._message({"type": "Connected"})]

    @property
    def _begin(self) -> list[Action]:
        """What the configuration makes of a session that knows of none."""
        configuration = self._configuration
        context = [SetContext(configuration.context)] if configuration.context else []
        sounds = [SetSounds(True)] if configuration.tag_audio_events else []
        return [self._format, SetTurns(configuration.thresholds.turns), *context, *sounds]

    def read(self, frame: str | bytes) -> str | bytes:
        """Audio is binary, and messages are short."""
        return frame

    def received(self, message: str | bytes) -> Sequence[Action]:
        """Audio, or a control message. One that cannot be read ends the session, as it does at Deepgram."""
        if self._stage.state is not Stage.OPEN:
            return []
        if isinstance(message, bytes):
            self._begun |= bool(message)
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
            case "Resume" if self._resumable and not self._begun and (wish := read_resume(fields)):
                return [Resume(wish.resumption.token, wish.resumption.voices, wish.audio_start)]
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

    kind = "flux"

    def snapshot(self) -> Snapshot:
        """See Resumable."""
        asked = {flush.number: trigger for flush, trigger in self._asked.items()}
        state = _State(self._format, self._configuration, self._sequence, self._next_flush, asked, self._turns.state)
        made: Snapshot = _STATE.dump_python(state, mode="json")
        return made

    def resumed(self, snapshot: Snapshot, at: float) -> Sequence[Action]:
        """``Resumed``; messages are numbered on. What was configured holds, whatever the query says."""
        state = _STATE.validate_python(snapshot)
        self._format, self._configuration, self._next_flush = state.format, state.configuration, state.next_flush
        self._sequence = max(self._sequence, state.sequence)
        self._asked = {FlushId(Asker.PROTOCOL, number): trigger for number, trigger in state.asked.items()}
        self._turns.configure(state.configuration)
        self._turns.resume(state.turns)
        return [*self._begin, self._message(resumed(self._request_id, at))]

    def refused(self, why: Refusal) -> Sequence[Action]:
        """An ``Error``, as always the last message."""
        self._stage.move(StageMove.ENDED)
        return [self._message(messages.not_resumed(why)), Close(_POLICY_VIOLATION, why.value)]

    def offered(self, offer: Offer, *, leaving: bool) -> Sequence[Action]:
        """``Resumption``, with the reason where it is the last message."""
        told = self._message(resumption(offer, leaving=leaving))
        if not leaving:
            return [told]
        self._stage.move(StageMove.ENDED)
        return [told, Close(*close_of(SessionEnd.SHUTTING_DOWN))]

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
            case SoundHeard(start, end, text):
                return [audio_event(start, end, text)]
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
        flush = FlushId(Asker.PROTOCOL, self._next_flush)
        self._next_flush += 1
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
        named = {"type": fields["type"], "request_id": self._request_id, "sequence_id": self._sequence}
        self._sequence += 1
        return Send(named | fields)
