"""One live session of Deepgram's listen API, without a socket.

What is promised to clients and what is approximated stands in docs/deepgram.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from server.context import ContextTooLong, context_of
from server.live.vocabulary.actions import Action, Close, Finish, Flush, Hear, Send, SetContext, SetFormat, SetTurns
from server.live.vocabulary.events import (
    AudioHeard,
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
from server.live.vocabulary.protocol import LiveProtocol, SessionEnd
from server.protocols.deepgram import messages
from server.protocols.deepgram.alternatives import JsonObject, ModelIdentity
from server.protocols.deepgram.live_results import LiveResults
from server.protocols.deepgram.messages import CloseStream, Configure, Finalize, KeepAlive
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.state import Stage, StageMove, State, Turn, TurnMove
from server.transcript.segments import Segment


class DeepgramSession(LiveProtocol[str | bytes]):
    """The state machine between a client's frames and a live session's events.

    Args:
        query: what the client wants.
        served_model: the name in ``model_info``, whichever model was asked for.
        request_id: the same as in the handshake's answer.
        created: when the session began, in ISO 8601.
    """

    def __init__(self, query: ListenQuery, *, served_model: str, request_id: str, created: str) -> None:
        self._query = query
        self._model = ModelIdentity(served_model)
        self._request_id = request_id
        self._created = created
        self._results = LiveResults(
            self._model,
            request_id=request_id,
            interim=query.interim_results,
            speakers=query.speakers,
            languages=query.languages,
        )
        self._audio = hashlib.sha256()
        self._flush_ids = flush_ids(Asker.PROTOCOL)
        self._awaited: set[FlushId] = set()  # flushes on their way
        self._state = State()

    def opened(self) -> Sequence[Action]:
        """Deepgram says nothing before the first results."""
        query = self._query
        rate = query.sample_rate if query.encoding is not None and query.sample_rate is not None else 24_000
        actions: list[Action] = [SetFormat(query.encoding, rate, query.channels), SetTurns(query.turns)]
        return [*actions, SetContext(query.context)] if query.context else actions

    def read(self, frame: str | bytes) -> str | bytes:
        """Audio is binary, and messages are short."""
        return frame

    def received(self, message: str | bytes) -> Sequence[Action]:
        """Audio, or a control message; what cannot be read is answered with an ``Error`` and changes nothing."""
        if self._state.stage is not Stage.OPEN:
            return []
        if isinstance(message, bytes):
            return self._hear(message)
        match messages.read_message(message):
            case KeepAlive():
                return []
            case Finalize():
                flush = next(self._flush_ids)
                self._awaited.add(flush)
                return [Flush(flush)]
            case CloseStream():
                return self._finish()
            case Configure(keyterms=keyterms):
                return self._configure(keyterms)
            case None:
                return [Send(messages.unreadable())]

    def heard(self, event: LiveEvent) -> Sequence[Action]:
        """Words and turns become ``Results`` and the events the client asked for."""
        if self._state.stage is Stage.CLOSED:
            return []
        match event:
            case AudioHeard(until):
                return [*_sent(self._results.listened(until)), *self._utterance_end(until)]
            case SpeechStarted(at):
                self._state.move(TurnMove.SPEECH_STARTED)
                return [Send(messages.speech_started(at))] if self._query.vad_events else []
            case SpeechStopped(flush=flush):
                self._state.move(TurnMove.SPEECH_STOPPED)
                self._awaited.add(flush)
                return []
            case WordsCommitted():
                return _sent(self._results.commit(event))
            case Hypothesis():
                return _sent(self._results.suppose(event))
            case SegmentCommitted(segment):
                return _sent(self._committed(segment))
            case Flushed(until, flush):
                return _sent(self._flushed(until, flush))
            case Finished(duration):
                return self._finished(duration)

    def ended(self, why: SessionEnd, message: str) -> Sequence[Action]:
        """An ``Error`` says why, then the connection closes."""
        self._state.move(StageMove.ENDED)
        return [Send(messages.ended(why, message)), Close(*messages.close_of(why))]

    def _hear(self, audio: bytes) -> list[Action]:
        """An empty frame is how older clients say ``CloseStream``."""
        if not audio:
            return self._finish()
        self._audio.update(audio)
        return [Hear(audio)]

    def _finish(self) -> list[Action]:
        self._state.move(StageMove.CLOSE_STREAM)
        return [Finish()]

    def _configure(self, keyterms: list[str] | None) -> list[Action]:
        if keyterms is None:
            return [Send(messages.configured(self._request_id, None))]
        try:
            context = context_of(*keyterms)
        except ContextTooLong as error:
            return [Send(messages.too_many_terms(self._request_id, error.limit))]
        return [SetContext(context), Send(messages.configured(self._request_id, keyterms))]

    def _committed(self, segment: Segment) -> list[JsonObject]:
        """While a flush is on its way, the last segment waits for it: it carries ``speech_final``."""
        if segment.is_speech:
            self._state.move(TurnMove.WORDS)
        results = self._results.close(segment)
        waits = self._awaited or self._state.stage is Stage.FINISHING
        return results if waits else [*results, *self._results.release()]

    def _flushed(self, until: float, flush: FlushId) -> list[JsonObject]:
        """The end of a turn, the answer to ``Finalize``, or the last words before the server ends the session."""
        self._awaited.discard(flush)
        self._results.settle()
        match flush.asker:
            case Asker.TURNS:
                return self._turn_ended(until)
            case Asker.PROTOCOL:
                return [self._results.finish(until, from_finalize=True)]
            case Asker.SERVER:
                return self._results.release()

    def _turn_ended(self, until: float) -> list[JsonObject]:
        if self._query.endpointing is None:
            return self._results.release()
        self._state.move(TurnMove.TOLD)
        return [self._results.finish(until, speech_final=True)]

    def _finished(self, duration: float) -> list[Action]:
        """What is left, to the end of the audio; then the summary."""
        self._state.move(StageMove.FINISHED)
        rest: list[JsonObject] = []
        if self._results.pending or self._results.final_until < duration:
            speech_final = self._state.turn is not Turn.QUIET and self._query.endpointing is not None
            rest.append(self._results.finish(duration, speech_final=speech_final))
        summary = messages.metadata(
            self._model,
            request_id=self._request_id,
            sha256=self._audio.hexdigest(),
            created=self._created,
            duration=duration,
        )
        return [*_sent(rest), Send({"type": "Metadata"} | summary), Close()]

    def _utterance_end(self, until: float) -> list[Action]:
        """Told once after the last words, when enough audio passed without any and none can still be on its way."""
        end, wait = self._results.utterance_end, self._query.utterance_end_ms
        if end is None or wait is None or until - end < wait / 1000:
            return []
        if self._state.turn is Turn.SPEAKING or self._awaited or self._results.pending:
            return []
        self._results.utterance_end = None
        return [Send(messages.utterance_end(end))]


def _sent(events: Iterable[JsonObject]) -> list[Action]:
    return [Send(event) for event in events]
