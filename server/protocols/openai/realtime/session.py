"""One session of OpenAI's Realtime API in transcription mode, without a socket.

What is promised to clients and what is approximated stands in docs/realtime.md. Times in events count from the start of
the session's audio: milliseconds in ``speech_started`` and ``speech_stopped``, seconds in segments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter

from server.context import ANY_ROOM, ContextRoom
from server.live.vocabulary.actions import (
    Action,
    Close,
    Discard,
    Flush,
    Hear,
    Resume,
    Send,
    SetAdapter,
    SetContext,
    SetLogprobs,
    SetSounds,
    SetTurns,
)
from server.live.vocabulary.events import (
    Flushed,
    Hypothesis,
    IdleTimedOut,
    LiveEvent,
    SegmentCommitted,
    SoundHeard,
    SpeechStarted,
    SpeechStopped,
    WordsCommitted,
)
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import LiveProtocol, SessionEnd
from server.live.vocabulary.resumption import REFUSALS, Offer, Refusal, Snapshot
from server.protocols.openai.realtime.config import SessionConfig
from server.protocols.openai.realtime.errors import EventError, end_details
from server.protocols.openai.realtime.item import ItemsState
from server.protocols.openai.realtime.items import Items
from server.protocols.openai.realtime.reading import ClientEvent, read_event
from server.protocols.openai.realtime.schemas import ItemReference, ResumeFields, SessionFields, SessionUpdate, checked

_CLOSE_CODES = {SessionEnd.SHUTTING_DOWN: 1012, SessionEnd.ENGINE_FAILED: 1011}
_POLICY_VIOLATION = 1008
_ELSEWHERE = ("response.", "conversation.item.", "output_audio_buffer.")
NOTHING_NAMED: Final = SessionFields()
"""A session that begins with the defaults."""


@dataclass(frozen=True, slots=True)
class _State:
    """What another connection has to know of the session."""

    id: str
    config: SessionConfig
    items: ItemsState
    next_flush: int


_STATE = TypeAdapter(_State)


class RealtimeSession(LiveProtocol[ClientEvent]):
    """The state machine between a client's events and a live session's.

    Args:
        model: the name in the client's query, if any; every name but those of adapters means the one model.
        served_model: the name that is echoed where the client gives none.
        make_id: ``make_id("item")`` is a new name that begins with ``item_``.
        start: what the session is configured with before the client says anything.
        flat: the client asks for the beta's form of the API.
        resumable: the client wants to be able to go on elsewhere.
        room: for prompt and keywords.
        adapters: names of models that are the served one with an adapter.

    Raises EventError for a ``start`` that cannot be honoured.
    """

    def __init__(
        self,
        *,
        model: str | None,
        served_model: str,
        make_id: Callable[[str], str],
        start: SessionFields = NOTHING_NAMED,
        flat: bool = False,
        resumable: bool = False,
        room: ContextRoom = ANY_ROOM,
        adapters: frozenset[str] = frozenset(),
    ) -> None:
        self._adapters = adapters
        self._resumable = resumable
        self._make_id = make_id
        self._id = make_id("sess")
        self._room = room
        self._config = SessionConfig(model or served_model, flat=flat).updated(start, room)
        self._items = Items(make_id)
        self._include()
        self._next_flush = 0
        self._heard = 0.0
        self._begun = False  # audio was heard
        self._over = False

    def opened(self) -> Sequence[Action]:
        """``session.created``, then the configuration: by default OpenAI's, 24 kHz PCM and server VAD."""
        return [self._event("session.created", session=self._config.echo(self._id)), *self._begin]

    @property
    def _begin(self) -> list[Action]:
        """What the configuration makes of a session that knows of none."""
        config = self._config
        begin: list[Action] = [config.set_format, SetTurns(config.turns)]
        if config.context is not None:
            begin.append(SetContext(config.context))
        if (adapter := self._adapter_of(config)) is not None:
            begin.append(SetAdapter(adapter))
        if config.logprobs:
            begin.append(SetLogprobs(True))
        if config.sounds:
            begin.append(SetSounds(True))
        return begin

    def read(self, frame: str | bytes) -> ClientEvent:
        """See LiveProtocol."""
        return read_event(frame)

    def received(self, message: ClientEvent) -> Sequence[Action]:
        """A client event, answered with an ``error`` event where it cannot be honoured."""
        if self._over:
            return []
        try:
            return self._handle(message)
        except EventError as error:
            return [self._event("error", error=error.details(message.id))]

    def heard(self, event: LiveEvent) -> Sequence[Action]:
        """Words and turns become events of items. Hypotheses are told to who asks: deltas can only be appended to."""
        if self._over:
            return []
        match event:
            case SpeechStarted(at):
                return self._items.speech_started(at)
            case SpeechStopped(at, flush):
                return self._items.speech_stopped(at, flush)
            case WordsCommitted():
                return self._items.words(event)
            case SegmentCommitted():
                return self._items.segment(event)
            case SoundHeard():
                return self._items.sound(event)
            case Hypothesis():
                return self._items.suppose(event)
            case IdleTimedOut(since, at, flush):
                return self._items.timed_out(since, at, flush)
            case Flushed(until, flush):
                return self._items.flushed(until, flush)
            case _:
                return []

    def ended(self, why: SessionEnd, message: str) -> Sequence[Action]:
        """Open items fail, an ``error`` event says why, the connection closes.

        An item whose words could all be told before, because the session was flushed, is not open any more.
        """
        self._over = True
        error = end_details(why, message)
        return [
            *self._items.failed(error),
            self._event("error", error=error | {"event_id": None}),
            Close(_CLOSE_CODES.get(why, _POLICY_VIOLATION), why.value),
        ]

    kind = "realtime"

    def snapshot(self) -> Snapshot:
        """See Resumable."""
        state = _State(self._id, self._config, self._items.state, self._next_flush)
        made: Snapshot = _STATE.dump_python(state, mode="json")
        return made

    def resumed(self, snapshot: Snapshot, at: float) -> Sequence[Action]:
        """``session.resumed`` tells the configuration, and that the session has its old name again."""
        state = _STATE.validate_python(snapshot)
        self._id, self._config, self._next_flush, self._heard = state.id, state.config, state.next_flush, at
        self._items.resume(state.items)
        self._include()
        told = self._event("session.resumed", session=self._config.echo(self._id), audio_start=at)
        return [*self._begin, told]

    def refused(self, why: Refusal) -> Sequence[Action]:
        """An ``error`` event; the session goes on as the new one that it is."""
        error = EventError(REFUSALS[why], code=why.value, param="resumption")
        return [self._event("error", error=error.details(None))]

    def offered(self, offer: Offer, *, leaving: bool) -> Sequence[Action]:
        """``session.resumption_update``, with the reason where it is the last event."""
        why = SessionEnd.SHUTTING_DOWN
        if not leaving:
            return [self._event("session.resumption_update", **offer.fields)]
        self._over = True
        told = self._event("session.resumption_update", **offer.fields, closing=why.value)
        return [told, Close(_CLOSE_CODES[why], why.value)]

    def _handle(self, event: ClientEvent) -> list[Action]:
        """Do what a client event says. Raises EventError, and then nothing has changed."""
        if event.error is not None:
            raise event.error
        match event.fields.get("type"):
            case "input_audio_buffer.append":
                return self._append(event.audio)
            case "input_audio_buffer.commit":
                return self._commit()
            case "input_audio_buffer.clear":
                self._items.clear(self._heard)
                return [Discard(), self._event("input_audio_buffer.cleared")]
            case "session.update":
                changes = self._configure(event)
                return [*changes, self._event("session.updated", session=self._config.echo(self._id))]
            case "transcription_session.update":
                changes = self._configure(event)
                told = self._config.flat_echo(self._id)
                return [*changes, self._event("transcription_session.updated", session=told)]
            case "session.resume" if self._resumable:
                return [self._resume(event)]
            case "conversation.item.retrieve":
                return [*self._items.retrieve(_item_id(event))]
            case "conversation.item.delete":
                return [*self._items.delete(_item_id(event))]
            case "conversation.item.truncate":
                return [*self._items.truncate(_item_id(event))]
            case str(kind) if kind.startswith(_ELSEWHERE):
                raise EventError("A transcription session has no such event.", code="unsupported_event", param="type")
            case str():
                raise EventError("There is no client event of this type.", param="type")
            case _:
                raise EventError("An event needs a type.", code="missing_required_parameter", param="type")

    def _append(self, audio: bytes) -> list[Action]:
        self._begun = True
        self._heard += len(audio) / self._config.bytes_per_second
        return [Hear(audio)] if audio else []

    def _commit(self) -> list[Action]:
        """A client may commit while the server detects turns: the present turn ends here."""
        if self._heard <= self._items.uncommitted_from:
            raise EventError(
                "The buffer is empty: no audio came since the last commit.", code="input_audio_buffer_commit_empty"
            )
        flush = FlushId(Asker.PROTOCOL, self._next_flush)
        self._next_flush += 1
        return [*self._items.commit(self._heard, flush), Flush(flush)]

    def _resume(self, event: ClientEvent) -> Resume:
        """The client wants to go on with another session. Raises EventError."""
        fields = checked(ResumeFields, event.fields)
        if self._begun:
            raise EventError(
                "A session can only be resumed before its first audio.", code="resume_too_late", param="type"
            )
        return Resume(fields.resumption.token, fields.resumption.voices, fields.audio_start)

    def _configure(self, event: ClientEvent) -> list[Action]:
        """Take the update; returns what it changes for the audio and the model."""
        old, new = self._config, self._config.updated(checked(SessionUpdate, event.fields).session, self._room)
        self._config = new
        self._include()
        changes: list[Action] = []
        if new.set_format != old.set_format:
            changes.append(new.set_format)
        if new.turns != old.turns:
            changes.append(SetTurns(new.turns))
        if new.context != old.context:
            changes.append(SetContext(new.context))
        if (adapter := self._adapter_of(new)) != self._adapter_of(old):
            changes.append(SetAdapter(adapter))
        if new.logprobs != old.logprobs:
            changes.append(SetLogprobs(new.logprobs))
        if new.sounds != old.sounds:
            changes.append(SetSounds(new.sounds))
        return changes

    def _adapter_of(self, config: SessionConfig) -> str | None:
        return config.wanted_model if config.wanted_model in self._adapters else None

    def _include(self) -> None:
        """What is told of words beside them."""
        self._items.logprobs, self._items.hypotheses = self._config.logprobs, self._config.hypotheses

    def _event(self, kind: str, **fields: Any) -> Send:
        return Send({"type": kind, "event_id": self._make_id("event"), **fields})


def _item_id(event: ClientEvent) -> str:
    """Raises EventError."""
    return checked(ItemReference, event.fields).item_id
