"""A live session: speech in while it is spoken, committed words and revisable hypotheses out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from types import TracebackType
from typing import Self

from model.seam.audio import Samples
from server.engine.client.engine import Engine
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.messages import FailureCode
from server.live.captions.captions import Captions
from server.live.ears.gate import GatedAudio
from server.live.ears.listener import Listener, Quiet
from server.live.ears.turns import TurnEnd, TurnEvent, TurnIdle, TurnPause, TurnResume, TurnStart
from server.live.settings import LiveSettings
from server.live.vocabulary.events import (
    AudioHeard,
    Finished,
    Flushed,
    IdleTimedOut,
    LiveEvent,
    Silence,
    SpeechPaused,
    SpeechResumed,
    SpeechStarted,
    SpeechStopped,
)
from server.live.vocabulary.flush import Asker, FlushId, flush_ids
from server.live.vocabulary.transcriber import Transcriber
from server.live.vocabulary.turn_detection import TurnDetection
from server.transcript.detokenizer import Vocabulary
from server.windows.sequence import WindowSequence

_PIECE = 0.5
"""Seconds of audio that are sent to the engine at once, where they wait anyway."""


class _Task(Enum):
    SETTLE = auto()
    RELEASE = auto()
    DISCARD = auto()


@dataclass(frozen=True, slots=True)
class _Mark:
    """Something to do when all audio before it was taken. ``answer``: what is told when it is done."""

    task: _Task
    answer: Flushed | Finished | None = None


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
        self._work: deque[GatedAudio | _Mark | TurnEvent] = deque()
        self._backlog = 0.0
        self._turn_flushes = flush_ids(Asker.TURNS)
        self._reads_pauses = False
        self._asked = self._over = False  # in the present silence: the model was asked, and the turn ended
        self._wake, self._room = asyncio.Event(), asyncio.Event()
        self._events: asyncio.Queue[LiveEvent | None] = asyncio.Queue()
        self._failure: EngineError | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def backlog(self) -> float:
        return self._backlog

    async def hear(self, samples: Samples) -> None:
        """The next audio: [n], mono, 24 kHz, any length. Waits while too much is behind. Raises EngineError."""
        while self._backlog > self._most_behind and self._failure is None:
            self._room.clear()
            await self._room.wait()
        self._raise_failure()
        for finding in await self._listener.hear(samples):
            match finding:
                case GatedAudio():
                    self._queue(finding)
                case TurnStart() | TurnPause() | TurnResume() | TurnEnd() if self._reads_pauses:
                    self._work.append(finding)
                    self._wake.set()
                case TurnStart(at):
                    self._events.put_nowait(SpeechStarted(at))
                case TurnEnd(at):
                    self._settle_turn(at, partial(SpeechStopped, at))
                case TurnIdle(since, at):
                    self._settle_turn(at, partial(IdleTimedOut, since, at))
                case Quiet(long):
                    self._mark(_Task.RELEASE if long else _Task.SETTLE)
        self._events.put_nowait(AudioHeard(self._listener.until))

    def set_turns(self, turns: TurnDetection | None) -> None:
        """Detect turns like this from now on, or not at all."""
        self._listener.set_turns(turns)
        self._reads_pauses = turns is not None and turns.pauses is not None

    def set_context(self, context: str | None) -> None:
        """Hotwords or background text for the prompt, from the next window on."""
        self._captions.set_context(context)

    def set_logprobs(self, wanted: bool) -> None:
        """Tell log-probabilities with committed words from the model's next answer on, or not."""
        self._captions.set_logprobs(wanted)

    def flush(self, flush: FlushId) -> None:
        """Commit all that was heard so far; ``Flushed`` with this id follows."""
        self._queue_rest()
        self._mark(_Task.SETTLE, Flushed(self._listener.until, flush))

    def discard(self) -> None:
        """Forget what was heard since the last flush, as far as it is not committed."""
        self._queue_rest()
        self._mark(_Task.DISCARD)

    def finish(self) -> None:
        """No more audio comes: commit all of it; ``Finished`` is the last event."""
        self._queue_rest()
        self._mark(_Task.SETTLE, Finished(self._listener.until))

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
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

    # ---------------------------------------------------------------------------------------------------- feeding

    def _queue(self, audio: GatedAudio) -> None:
        self._backlog += audio.block.seconds
        last = self._work[-1] if self._work else None
        if isinstance(last, GatedAudio) and last.block.end == audio.block.start and last.block.seconds < _PIECE:
            self._work[-1] = last.joined(audio)
        else:
            self._work.append(audio)
        self._wake.set()

    def _queue_rest(self) -> None:
        if (rest := self._listener.rest()) is not None:
            self._queue(rest)

    def _settle_turn(self, at: float, event: Callable[[FlushId], LiveEvent]) -> None:
        """What was said until ``at`` is flushed; the event says under which id."""
        flush = next(self._turn_flushes)
        self._events.put_nowait(event(flush))
        self._mark(_Task.SETTLE, Flushed(at, flush))

    def _mark(self, task: _Task, answer: Flushed | Finished | None = None) -> None:
        self._work.append(_Mark(task, answer))
        self._wake.set()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise EngineError(self._failure.code, self._failure.message)

    # ---------------------------------------------------------------------------------------------------- working

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
                item = self._work.popleft()
                match item:
                    case GatedAudio():
                        await self._take(item)
                    case _Mark():
                        if await self._reach(item):
                            return
                    case _:
                        await self._follow(item)
            if self._captions.due:
                self._tell(await self._captions.update())
            else:
                await self._wake.wait()

    async def _take(self, audio: GatedAudio) -> None:
        self._tell(await self._captions.take(audio.block, audio.speech))
        self._backlog = max(0.0, self._backlog - audio.block.seconds)
        self._room.set()

    async def _reach(self, mark: _Mark) -> bool:
        """Do what a mark says. Returns whether it was the last one."""
        match mark.task:
            case _Task.SETTLE:
                self._tell(await self._captions.settle())
            case _Task.RELEASE:
                self._tell(await self._captions.settle())
                self._captions.close()
            case _Task.DISCARD:
                self._tell(self._captions.discard())
        if mark.answer is not None:
            self._tell([mark.answer])
        return isinstance(mark.answer, Finished)

    async def _follow(self, turn: TurnEvent) -> None:
        """What was found of a turn whose end depends on what was said: told in the order of the audio."""
        match turn:
            case TurnPause():
                await self._pause(turn)
                return
            case TurnEnd(at, seconds) if not self._over:
                await self._stop(at, Silence(at - seconds, seconds, self._captions.finished))
            case TurnResume(at) if not self._over:
                self._tell([SpeechResumed(at)])
            case TurnStart(at) | TurnResume(at):
                self._tell([SpeechStarted(at)])
        self._asked = self._over = False

    async def _pause(self, pause: TurnPause) -> None:
        """Nobody speaks: ask what was said. The turn is over if the silence is enough for that.

        Asked is at once, and where that found no end of a sentence, again before it counts: the mark that ends one may
        be heard in the silence.
        """
        if self._over or (self._goes_on and not pause.enough):
            return
        if not self._asked or (pause.enough and not self._captions.finished):
            self._asked = True
            self._tell(await self._captions.look())
        silence = Silence(pause.at - pause.silence, pause.silence, self._captions.finished)
        if pause.enough and silence.finished:
            self._over = True
            await self._stop(pause.at, silence)
        elif not self._goes_on:
            self._tell([SpeechPaused(silence)])

    @property
    def _goes_on(self) -> bool:
        """Somebody is known to speak again."""
        return any(isinstance(item, TurnResume) for item in self._work)

    async def _stop(self, at: float, silence: Silence) -> None:
        flush = next(self._turn_flushes)
        self._tell([SpeechStopped(at, flush, silence)])
        self._tell(await self._captions.settle())
        self._tell([Flushed(at, flush)])

    def _tell(self, events: Sequence[LiveEvent]) -> None:
        for event in events:
            self._events.put_nowait(event)


TranscriberFactory = Callable[[Engine, Vocabulary, LiveSettings, str], Transcriber]
"""Engine, vocabulary, settings, request id → the transcriber of a new session."""


def make_transcriber(
    engine: Engine, vocabulary: Vocabulary, settings: LiveSettings, request_id: str
) -> LiveTranscriber:
    """The one over the model. ``vocabulary``: of the engine's checkpoint."""
    return LiveTranscriber(WindowSequence(engine, vocabulary, seconds=settings.window, request_id=request_id), settings)
