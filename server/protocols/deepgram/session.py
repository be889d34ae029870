"""One live session of Deepgram's listen API, without a socket.

What is promised to clients and what is approximated stands in docs/deepgram.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from server.context import ANY_ROOM, ContextRoom, ContextTooLong, context_of
from server.live.vocabulary.actions import (
    Action,
    Close,
    Finish,
    Flush,
    Hear,
    Resume,
    Send,
    SetAdapter,
    SetContext,
    SetSounds,
    SetTurns,
)
from server.live.vocabulary.events import Finished, LiveEvent
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.protocol import LiveProtocol, SessionEnd
from server.live.vocabulary.resumption import Offer, Refusal, Snapshot
from server.protocols.deepgram import messages
from server.protocols.deepgram.alternatives import ModelIdentity
from server.protocols.deepgram.live_channel import ChannelState, LiveChannel
from server.protocols.deepgram.live_results import LiveResults
from server.protocols.deepgram.messages import CloseStream, Configure, Finalize, KeepAlive, ResumeSession
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.state import STAGES, Machine, Stage, StageMove


@dataclass(frozen=True, slots=True)
class _State:
    """What another connection has to know of the session."""

    query: list[tuple[str, str]]
    context: str | None
    created: str
    next_flush: int
    channels: list[ChannelState]


_STATE = TypeAdapter(_State)


class DeepgramSession(LiveProtocol[str | bytes]):
    """The state machine between a client's frames and a live session's events.

    Args:
        query: what the client wants.
        served_model: the name in ``model_info``, whichever model was asked for.
        request_id: the same as in the handshake's answer.
        created: when the session began, in ISO 8601.
        room: for key terms.
        adapter: with which the model is to hear.
    """

    def __init__(
        self,
        query: ListenQuery,
        *,
        served_model: str,
        request_id: str,
        created: str,
        room: ContextRoom = ANY_ROOM,
        adapter: str | None = None,
    ) -> None:
        self._query = query
        self._room = room
        self._adapter = adapter
        self._model = ModelIdentity(served_model)
        self._request_id = request_id
        self._created = created
        self._audio = hashlib.sha256()
        self._begun = False  # audio was heard
        self._context = query.context
        self._next_flush = 0
        self._stage = Machine(STAGES, Stage.OPEN)
        self._channels: list[LiveChannel] = []
        self._channel(query.raw_channels - 1)
        self._finished = 0  # channels

    def opened(self) -> Sequence[Action]:
        """Deepgram says nothing before the first results."""
        query = self._query
        sound = replace(query.format, split=query.multichannel)
        actions: list[Action] = [sound, SetTurns(query.turns)]
        if self._context:
            actions.append(SetContext(self._context))
        if self._adapter is not None:
            actions.append(SetAdapter(self._adapter))
        return [*actions, SetSounds(True)] if query.tag_audio_events else actions

    def read(self, frame: str | bytes) -> str | bytes:
        """Audio is binary, and messages are short."""
        return frame

    def received(self, message: str | bytes) -> Sequence[Action]:
        """Audio, or a control message; what cannot be read is answered with an ``Error`` and changes nothing."""
        if self._stage.state is not Stage.OPEN:
            return []
        if isinstance(message, bytes):
            return self._hear(message)
        match messages.read_message(message):
            case KeepAlive():
                return []
            case Finalize():
                flush = FlushId(Asker.PROTOCOL, self._next_flush)
                self._next_flush += 1
                for channel in self._channels:
                    channel.asked(flush)
                return [Flush(flush)]
            case CloseStream():
                return self._finish()
            case Configure(keyterms=keyterms):
                return self._configure(keyterms)
            case ResumeSession(resumption=resumption, audio_start=start) if self._query.resume and not self._begun:
                return [Resume(resumption.token, resumption.voices, start)]
            case ResumeSession() | None:
                return [Send(messages.unreadable())]

    def heard(self, event: LiveEvent) -> Sequence[Action]:
        """What its channel makes of it; when the last one is finished, the summary."""
        if self._stage.state is Stage.CLOSED:
            return []
        actions: list[Action] = [Send(message) for message in self._channel(event.channel.number).heard(event)]
        if isinstance(event, Finished):
            self._finished += 1
            if self._finished == event.channel.of:
                actions += self._summary(event)
        return actions

    def ended(self, why: SessionEnd, message: str) -> Sequence[Action]:
        """An ``Error`` says why, then the connection closes."""
        self._stage.move(StageMove.ENDED)
        return [Send(messages.ended(why, message)), Close(*messages.close_of(why))]

    kind = "listen"

    def snapshot(self) -> Snapshot:
        """See Resumable."""
        channels = [channel.state for channel in self._channels]
        state = _State(self._query.items, self._context, self._created, self._next_flush, channels)
        made: Snapshot = _STATE.dump_python(state, mode="json")
        return made

    def resumed(self, snapshot: Snapshot, at: float) -> Sequence[Action]:
        """``Resumed``. What the query of that session said holds, whatever this one's says."""
        state = _STATE.validate_python(snapshot)
        self._query, self._context, self._created = ListenQuery.parse(state.query), state.context, state.created
        self._next_flush = state.next_flush
        self._channels.clear()
        for number, channel in enumerate(state.channels):
            self._channel(number).resume(channel)
        return [*self.opened(), Send(messages.resumed(self._request_id, at))]

    def refused(self, why: Refusal) -> Sequence[Action]:
        """An ``Error``; the session goes on as the new one that it is."""
        return [Send(messages.not_resumed(why))]

    def offered(self, offer: Offer, *, leaving: bool) -> Sequence[Action]:
        """``Resumption``, with the reason where it is the last message."""
        told = Send(messages.resumption(offer, leaving=leaving))
        if not leaving:
            return [told]
        self._stage.move(StageMove.ENDED)
        return [told, Close(*messages.close_of(SessionEnd.SHUTTING_DOWN))]

    def _hear(self, audio: bytes) -> list[Action]:
        """An empty frame is how older clients say ``CloseStream``."""
        if not audio:
            return self._finish()
        self._begun = True
        self._audio.update(audio)
        return [Hear(audio)]

    def _finish(self) -> list[Action]:
        self._stage.move(StageMove.CLOSE_STREAM)
        return [Finish()]

    def _configure(self, keyterms: list[str] | None) -> list[Action]:
        if keyterms is None:
            return [Send(messages.configured(self._request_id, None))]
        try:
            context = context_of(*keyterms)
            self._room.check(context)
        except ContextTooLong as error:
            return [Send(messages.too_many_terms(self._request_id, error.limit))]
        self._context = context
        return [SetContext(context), Send(messages.configured(self._request_id, keyterms))]

    def _channel(self, number: int) -> LiveChannel:
        """A container tells only with its first audio how many there are."""
        while number >= len(self._channels):
            results = LiveResults(
                self._model,
                request_id=self._request_id,
                interim=self._query.interim_results,
                speakers=self._query.speakers,
                languages=self._query.languages,
                wording=self._query.wording,
                search=self._query.search,
                repeated=self._query.repeated,
            )
            self._channels.append(LiveChannel(self._query, results, self._stage))
        return self._channels[number]

    def _summary(self, event: Finished) -> list[Action]:
        self._stage.move(StageMove.FINISHED)
        summary = messages.metadata(
            self._model,
            request_id=self._request_id,
            sha256=self._audio.hexdigest(),
            created=self._created,
            duration=event.duration,
            channels=event.channel.of,
        )
        return [Send({"type": "Metadata"} | summary | self._query.repeated), Close()]
