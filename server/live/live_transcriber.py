"""A live session: speech in while it is spoken, committed words and revisable hypotheses out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf
from types import TracebackType
from typing import Self

from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.client.engine import Engine
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.messages import FailureCode
from server.live.captions.captions import Captions
from server.live.ears.gate import GatedAudio
from server.live.ears.listener import Listener, Quiet, warmed_up
from server.live.ears.turns import TurnEnd, TurnEvent, TurnIdle, TurnPause, TurnResume, TurnStart
from server.live.settings import LiveSettings
from server.live.spoken_turns import SpokenTurns
from server.live.vocabulary.events import (
    AudioHeard,
    Checkpoint,
    Finished,
    Flushed,
    IdleTimedOut,
    LiveEvent,
    SessionEvent,
    SpeechStarted,
    SpeechStopped,
)
from server.live.vocabulary.flush import Asker, FlushId
from server.live.vocabulary.resumption import Place, Voices
from server.live.vocabulary.transcriber import Transcriber
from server.live.vocabulary.turn_detection import TurnDetection
from server.live.work import Mark, Promised, Task, Work
from server.transcript.detokenizer import Vocabulary
from server.windows.known import merged
from server.windows.sequence import WindowSequence


class LiveTranscriber(Transcriber):
    """Transcribes one session. Async context manager; leaving it ends everything that runs for it.

    One task feeds (``hear``, ``flush``, ...) while another iterates over the events. Iterating ends after ``Finished``
    and raises EngineError when the engine failed on the session. No turns are detected before ``set_turns``.

    Args:
        windows: of the session, without audio so far.
        settings: the server's.
    """

    def __init__(self, windows: WindowSequence, settings: LiveSettings) -> None:
        self._most_behind = settings.backlog
        self._listener = Listener(silence=settings.silence, release=settings.release)
        self._captions = Captions(
            windows, update=settings.update, first_speech=settings.first_speech, settle=settings.settle
        )
        self._text, self._voices = self._captions.place(), self._captions.voices
        self._work = Work()
        self._spoken_turns = SpokenTurns(self._work, self._captions, self._tell, self._turn_flush)
        self._skipped = 0  # samples that another session has heard
        self._promised = Promised()
        self._next_flush = 0
        self._resumable = self._reads_pauses = False
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._events: asyncio.Queue[SessionEvent | None] = asyncio.Queue()
        self._failure: EngineError | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def backlog(self) -> float:
        """Seconds of audio that wait for the model."""
        return self._work.backlog

    async def hear(self, samples: Samples) -> None:
        """The next audio: [n], mono, 24 kHz, any length. Waits while too much is behind. Raises EngineError."""
        skipped = min(self._skipped, samples.size)
        self._skipped -= skipped
        for piece in self._promised.cut(samples[skipped:], self._listener.until):
            await self._listen(piece)
            self._keep_promises(self._listener.until)

    async def _listen(self, samples: Samples) -> None:
        while self.backlog > self._most_behind and self._failure is None:
            self._room.clear()
            await self._room.wait()
        self._raise_failure()
        findings = await self._listener.hear(samples)
        for finding in findings:
            match finding:
                case GatedAudio():
                    self._queue(finding)
                case TurnStart() | TurnPause() | TurnResume() | TurnEnd() if self._reads_pauses:
                    self._queue(finding)
                case TurnStart(at):
                    self._events.put_nowait(SpeechStarted(at))
                case TurnEnd(at):
                    self._settle_turn(at, partial(SpeechStopped, at))
                case TurnIdle(since, at):
                    self._settle_turn(at, partial(IdleTimedOut, since, at))
                case Quiet(long):
                    self._queue(Mark(Task.RELEASE if long else Task.SETTLE))
        self._events.put_nowait(AudioHeard(self._listener.until))
        if any(isinstance(finding, TurnEvent | TurnIdle) for finding in findings):
            self.checkpoint()

    def set_resumable(self) -> None:
        """From now on ``Checkpoint`` follows whatever is told."""
        self._resumable = True

    def checkpoint(self) -> None:
        """Tell a ``Checkpoint``, behind all that was told so far."""
        if self._resumable:
            self._events.put_nowait(Checkpoint(self._place(), self._voices))

    def resume(self, place: Place, voices: Voices, at: float, flushes: Sequence[tuple[float, FlushId]]) -> None:
        """See Transcriber."""
        place, start = place.behind(at), max(at, place.audio_from)
        self._skipped = round((start - at) * SAMPLE_RATE)
        self._listener.resume(round(start * SAMPLE_RATE), place.passed, place.gate, place.turn)
        self._captions.resume(place.text, voices)
        self._text, self._voices = self._captions.place(), self._captions.voices
        self._next_flush = place.next_flush
        of_turns = [(until, FlushId(Asker.TURNS, number)) for until, number in place.flushes]
        self._promised = Promised([*of_turns, *flushes])
        self._keep_promises(start)

    def set_turns(self, turns: TurnDetection | None) -> None:
        """Detect turns like this from now on, or not at all."""
        self._listener.set_turns(turns)
        self._reads_pauses = turns is not None and turns.pauses is not None

    def set_context(self, context: str | None) -> None:
        """Hotwords or background text for the prompt, from the next window on."""
        self._captions.set_context(context)

    def set_adapter(self, adapter: str | None) -> None:
        """The adapter with which the model hears from the next window on."""
        self._captions.set_adapter(adapter)

    def set_logprobs(self, wanted: bool) -> None:
        """Tell log-probabilities with committed words from the model's next answer on, or not."""
        self._captions.set_logprobs(wanted)

    def set_sounds(self, wanted: bool) -> None:
        """Let the model hear what is loud enough though nobody speaks, and tell sounds, or not."""
        self._listener.sounds = wanted
        self._captions.set_sounds(wanted)

    def flush(self, flush: FlushId) -> None:
        """Commit all that was heard so far; ``Flushed`` with this id follows."""
        self._keep_promises(inf)
        self._queue_rest()
        self._queue(Mark(Task.SETTLE, Flushed(self._listener.until, flush)))

    def discard(self) -> None:
        """Forget what was heard since the last flush, as far as it is not committed."""
        self._keep_promises(inf)
        self._queue_rest()
        self._queue(Mark(Task.DISCARD))

    def finish(self) -> None:
        """No more audio comes: commit all of it; ``Finished`` is the last event."""
        self._keep_promises(inf)
        self._queue_rest()
        self._queue(Mark(Task.SETTLE, Finished(self._listener.until)))

    async def __aiter__(self) -> AsyncIterator[SessionEvent]:
        while (event := await self._events.get()) is not None:
            yield event
        self._raise_failure()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="live-transcriber")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _queue(self, item: GatedAudio | Mark | TurnEvent) -> None:
        self._work.add(item)
        self._wake.set()

    def _queue_rest(self) -> None:
        if (rest := self._listener.rest()) is not None:
            self._queue(rest)

    def _settle_turn(self, at: float, event: Callable[[FlushId], LiveEvent]) -> None:
        """What was said until ``at`` is flushed; the event says under which id."""
        flush = self._turn_flush()
        self._queue(Mark(Task.SETTLE, Flushed(at, flush)))
        self._events.put_nowait(event(flush))

    def _turn_flush(self) -> FlushId:
        flush = FlushId(Asker.TURNS, self._next_flush)
        self._next_flush += 1
        return flush

    def _keep_promises(self, until: float) -> None:
        """Answer what was asked for elsewhere, of the audio before ``until``."""
        for at, flush in self._promised.due(until):
            if flush.asker is not Asker.TURNS:
                self._queue_rest()
            self._queue(Mark(Task.SETTLE, Flushed(at, flush)))

    def _place(self) -> Place:
        """Where the session stands behind all that was told."""
        turn = self._work.turn or self._listener.turn
        passed = merged([*self._text.heard, *self._work.pieces, *self._listener.passing])
        starts = [start / SAMPLE_RATE for start in (*(start for start, _ in passed[:1]), self._listener.kept_from)]
        return Place(
            audio_from=warmed_up(min(starts if turn is None else [*starts, turn.at])),
            passed=passed,
            gate=self._listener.gate,
            text=self._text,
            turn=turn,
            flushes=(*self._work.turn_flushes, *self._promised.of_turns),
            next_flush=self._next_flush,
        )

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise EngineError(self._failure.code, self._failure.message)

    async def _run(self) -> None:
        try:
            await self._work_off()
        except EngineError as error:
            self._failure = error
        except EngineUnavailable as error:  # a new window was wanted, and no worker can be had
            self._failure = EngineError(FailureCode.WORKER_DIED, error.message)
        except Exception:
            self._failure = EngineError(FailureCode.INTERNAL, "The session failed.")
            raise
        finally:
            self._room.set()
            self._events.put_nowait(None)
            self._captions.close()

    async def _work_off(self) -> None:
        """Take audio and marks in order until the session is finished."""
        while True:
            self._wake.clear()
            while self._work:
                item = self._work.next()
                match item:
                    case GatedAudio():
                        self._tell(await self._captions.take(item.block, item.speech))
                        self._work.done()
                        self._room.set()
                    case Mark():
                        if await self._reach(item):
                            return
                    case _:
                        await self._spoken_turns.follow(item)
                self._work.done()
            if self._captions.due:
                self._tell(await self._captions.update())
            else:
                await self._wake.wait()

    async def _reach(self, mark: Mark) -> bool:
        """Do what a mark says. Returns whether it was the last one."""
        match mark.task:
            case Task.SETTLE | Task.RELEASE:
                self._tell(await self._captions.settle(asked=mark.answer is not None))
                if mark.task is Task.RELEASE:
                    self._captions.close()
            case Task.DISCARD:
                self._tell(self._captions.discard())
        self._work.done()
        self._tell([] if mark.answer is None else [mark.answer])
        return isinstance(mark.answer, Finished)

    def _tell(self, events: Sequence[LiveEvent]) -> None:
        """Tell these; where a ``Checkpoint`` is wanted, what they say of the text has to be all that is new in it."""
        if self._resumable:
            self._text, self._voices = self._captions.place(), self._captions.voices
        for event in events:
            self._events.put_nowait(event)
        if events:
            self.checkpoint()


TranscriberFactory = Callable[[Engine, Vocabulary, LiveSettings, str], Transcriber]
"""Engine, vocabulary, settings, request id → the transcriber of a new session."""


def make_transcriber(
    engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str
) -> LiveTranscriber:
    """The one over the model. ``vocabulary``: of the engine's checkpoint."""
    windows = WindowSequence(
        engine, vocabulary, seconds=settings.window, request_id=request_id, loop_guard=settings.loop_guard
    )
    return LiveTranscriber(windows, settings)
