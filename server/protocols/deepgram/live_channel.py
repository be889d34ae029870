"""One channel of a live session: its words and its turn become messages. A session has one, or several alike."""

from __future__ import annotations

from dataclasses import dataclass

from server.live.vocabulary.events import (
    AudioHeard,
    Channel,
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
from server.protocols.deepgram import messages
from server.protocols.deepgram.alternatives import JsonObject
from server.protocols.deepgram.live_results import LiveResults, ResultsState
from server.protocols.deepgram.query import ListenQuery
from server.protocols.deepgram.state import TURNS, Machine, Stage, StageMove, Turn, TurnMove
from server.transcript.segments import Segment


@dataclass(frozen=True, slots=True)
class ChannelState:
    """What another connection has to know of a channel. ``awaited``: flushes that are not answered."""

    turn: str
    awaited: list[tuple[Asker, int]]
    results: ResultsState


class LiveChannel:
    """Methods return the messages to be sent.

    Args:
        query: what the client wants.
        results: of this channel, nothing said so far.
        stage: where the session is that the channel belongs to.
    """

    def __init__(self, query: ListenQuery, results: LiveResults, stage: Machine[Stage, StageMove]) -> None:
        self._query = query
        self._results = results
        self._stage = stage
        self._turn = Machine(TURNS, Turn.QUIET)
        self._awaited: set[FlushId] = set()  # flushes on their way

    @property
    def state(self) -> ChannelState:
        """All that is needed to go on elsewhere."""
        awaited = sorted((flush.asker, flush.number) for flush in self._awaited)
        return ChannelState(self._turn.state.name, awaited, self._results.state)

    def resume(self, state: ChannelState) -> None:
        """Go on there."""
        self._turn = Machine(TURNS, Turn[state.turn])
        self._awaited = {FlushId(asker, number) for asker, number in state.awaited}
        self._results.resume(state.results)

    def asked(self, flush: FlushId) -> None:
        """The client wants everything that was heard to be final."""
        self._awaited.add(flush)

    def heard(self, event: LiveEvent) -> list[JsonObject]:
        """Words and turns become ``Results`` and the events the client asked for."""
        self._results.channel = event.channel
        match event:
            case AudioHeard(until):
                return [*self._results.listened(until), *self._utterance_end(until, event.channel)]
            case SpeechStarted(at):
                self._turn.move(TurnMove.SPEECH_STARTED)
                return [messages.speech_started(at, event.channel)] if self._query.vad_events else []
            case SpeechStopped(flush=flush):
                self._turn.move(TurnMove.SPEECH_STOPPED)
                self._awaited.add(flush)
                return []
            case SpeechPaused() | SpeechResumed() | IdleTimedOut():  # turn detection is not asked for them
                return []
            case WordsCommitted():
                return self._results.commit(event)
            case Hypothesis():
                return self._results.suppose(event)
            case SegmentCommitted(segment):
                return self._committed(segment)
            case SoundHeard(start, end, text):
                return [messages.audio_event(start, end, text) | {"channel": event.channel}]
            case Flushed(until, flush):
                return self._flushed(until, flush)
            case Finished(duration):
                return self._finished(duration)

    def _committed(self, segment: Segment) -> list[JsonObject]:
        """While a flush is on its way, the last segment waits for it: it carries ``speech_final``."""
        if segment.is_speech:
            self._turn.move(TurnMove.WORDS)
        results = self._results.close(segment)
        waits = self._awaited or self._stage.state is Stage.FINISHING
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
        self._turn.move(TurnMove.TOLD)
        return [self._results.finish(until, speech_final=True)]

    def _finished(self, duration: float) -> list[JsonObject]:
        """What is left, to the end of the audio."""
        if not self._results.pending and self._results.final_until >= duration:
            return []
        speech_final = self._turn.state is not Turn.QUIET and self._query.endpointing is not None
        return [self._results.finish(duration, speech_final=speech_final)]

    def _utterance_end(self, until: float, channel: Channel) -> list[JsonObject]:
        """Told once after the last words, when enough audio passed without any and none can still be on its way."""
        end, wait = self._results.utterance_end, self._query.utterance_end_ms
        if end is None or wait is None or until - end < wait / 1000:
            return []
        if self._turn.state is Turn.SPEAKING or self._awaited or self._results.pending:
            return []
        self._results.utterance_end = None
        return [messages.utterance_end(end, channel)]
