"""The engine as the API uses it: streams over a worker process that may die and comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from itertools import count
from time import monotonic

from model.seam.runner import RunnerInfo
from model.seam.streams import StreamSpec
from server import traceparent
from server.engine.budget import work_seconds
from server.engine.client.admission import Admission
from server.engine.client.process import WorkerProcess
from server.engine.client.source import AudioSource
from server.engine.client.stream import EngineStream
from server.engine.errors import EngineError, EngineUnavailable
from server.engine.figures import WorkDone
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    FailureCode,
    OpenStream,
    StepRuns,
    StopWorker,
    StreamFailed,
    StreamTrace,
    ToClient,
    WorkerFailed,
    WorkerReady,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory

logger = logging.getLogger(__name__)

_USUAL_START = 5.0
"""Seconds that a start is expected to take until one was measured."""
_DIED = "The process that ran this request ended; a new one is started."
_MIN_RETRY, _MAX_RETRY = 1.0, 60.0
_WHY_UNAVAILABLE = {
    "starting": "The model is being loaded.",
    "restarting": "The model is being loaded again after a failure.",
    "failed": "The model could not be loaded.",
    "closed": "The server is shutting down.",
}


class EngineState(StrEnum):
    """Whether streams can be opened: only while READY."""

    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    FAILED = "failed"
    """No worker can be had; ``Engine.failure`` says why. Only an operator can help."""
    CLOSED = "closed"


class Engine:
    """Owns the worker process and every stream on it. For one event loop, which is never blocked.

    Attributes:
        info: of the runner, after the first worker became ready.
        stats: the latest of the present worker; what it has done begins at 0 with each worker.
        on_trace: called with what is told of each stream whose trace is sampled, when it ends.
        admission: for the requests in front of the engine; learns the speed from every recording that ends well.
        restarts: workers that died so far without having been asked to stop.
        failure: why the last worker ended, until the next one is ready; for the operator's eyes.
    """

    def __init__(self, factory: RunnerFactory, settings: EngineSettings | None = None) -> None:
        self._factory = factory
        self._settings = settings or EngineSettings()
        self._state = EngineState.STARTING
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._worker: WorkerProcess | None = None
        self._numbers = count(1)
        self._streams: dict[int, EngineStream] = {}
        self._heartbeat: asyncio.TimerHandle | None = None
        self._last_words: WorkerFailed | None = None
        self._start_seconds = _USUAL_START
        self._spawned = 0.0
        self._ready_since: float | None = None
        self.info: RunnerInfo | None = None
        self.stats: WorkerStats | None = None
        self.on_trace: Callable[[StreamTrace], None] | None = None
        self._done_before = WorkDone()
        self.restarts = 0
        self.failure: str | None = None
        self.admission = Admission(
            max_requests=self._settings.max_requests, max_audio_seconds=self._settings.max_audio_seconds
        )

    @property
    def state(self) -> EngineState:
        return self._state

    @property
    def done(self) -> WorkDone:
        """What all workers did so far, as far as they have told: never less than before."""
        return self._done_before if self.stats is None else self._done_before + self.stats.done

    @property
    def worker_pid(self) -> int | None:
        """Process id of the present worker, None while there is none."""
        return None if self._worker is None else self._worker.pid

    async def start(self) -> None:
        """Spawn the worker and return; ``wait_ready`` waits for it."""
        self._supervisor = asyncio.create_task(self._supervise(), name="engine-supervisor")

    async def wait_ready(self) -> None:
        """Return when streams can be opened. Raises EngineUnavailable when the engine failed or was closed."""
        while self._state in (EngineState.STARTING, EngineState.RESTARTING):
            await self._changed.wait()
        if self._state is not EngineState.READY:
            raise self._unavailable()

    async def close(self) -> None:
        """End every stream with SHUTTING_DOWN, stop the worker, kill it if it does not. Harmless when repeated."""
        self._set_state(EngineState.CLOSED)
        self._fail_streams(FailureCode.SHUTTING_DOWN, "The server is shutting down.")
        self._closing.set()
        if (worker := self._worker) is not None:
            worker.send(StopWorker())
            with suppress(TimeoutError):
                # A worker that is still loading cannot read the request, so it gets no grace.
                grace = self._settings.stop_grace if self._ready_since is not None else 0.0
                await asyncio.wait_for(asyncio.shield(worker.ended), grace)
            worker.kill()
        if self._supervisor is not None:
            await self._supervisor

    def check_ready(self) -> None:
        """Raise EngineUnavailable, which says why and for how long, unless the engine is READY."""
        if self._state is not EngineState.READY:
            raise self._unavailable()

    def open(
        self,
        spec: StreamSpec,
        *,
        request_id: str,
        source: AudioSource | None = None,
        fingerprint: str | None = None,
    ) -> EngineStream:
        """Begin a stream. Raises EngineUnavailable unless the engine is READY.

        ``source``: has its audio again if the worker dies; without one the stream keeps what is appended.
        ``fingerprint``: digest of what is asked, by which a request that kills workers is known when it comes again.
        """
        if self._state is not EngineState.READY or self._worker is None:
            raise self._unavailable()
        if not self._streams:
            self._worker.listen_anew()
        stream = EngineStream(next(self._numbers), self._worker, self._forget)
        self._streams[stream.number] = stream
        if self._heartbeat is None:
            self._watch_heartbeat()
        self._worker.send(OpenStream(stream.number, request_id, spec, traceparent.current.get()))
        return stream

    def _forget(self, number: int) -> None:
        self._streams.pop(number, None)

    # ------------------------------------------------------------------------------------------- worker's life

    async def _supervise(self) -> None:
        """Have one worker after the other, until the engine is closed or no worker can be had."""
        deaths = failed_starts = 0
        while not self._closing.is_set():
            how = await self._live_through_one()
            ready_for = None if self._ready_since is None else monotonic() - self._ready_since
            self._ready_since = None
            if self._closing.is_set():
                return
            self.restarts += 1
            self._fail_streams(FailureCode.WORKER_DIED, _DIED)
            failed_starts = failed_starts + 1 if ready_for is None else 0
            words = self._last_words
            self.failure = f"The worker {how}." if words is None else words.message
            logger.error("the worker %s: %s", how, "no word from it" if words is None else words.message)
            if (words is not None and words.permanent) or failed_starts >= self._settings.max_failed_starts:
                self._set_state(EngineState.FAILED)
                return
            self._set_state(EngineState.RESTARTING)
            if ready_for is not None and ready_for > self._settings.restart_delay_max:
                deaths = 0
            delay = min(self._settings.restart_delay * 2**deaths, self._settings.restart_delay_max)
            deaths += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), delay)

    async def _live_through_one(self) -> str:
        """Spawn a worker and wait for its end. Returns how it ended."""
        self._spawned = monotonic()
        self._last_words = None
        try:
            self._worker = WorkerProcess(self._factory, self._settings, self._take)
        except Exception as error:  # no process or file to be had, or a factory that does not pickle
            logger.exception("no worker could be spawned")
            return f"could not be spawned: {error}"
        how = await self._worker.ended
        self._worker = None
        self._done_before, self.stats = self.done, None
        if self._heartbeat is not None:
            self._heartbeat.cancel()
            self._heartbeat = None
        return how

    def _watch_heartbeat(self) -> None:
        """Kill a worker that has streams and is silent; look again when it could have been silent for too long."""
        self._heartbeat = None
        if self._worker is None or not self._streams:
            return
        left = self._settings.heartbeat_timeout - self._worker.silence
        if left > 0:
            self._heartbeat = asyncio.get_running_loop().call_later(left, self._watch_heartbeat)
        else:
            logger.error("the worker was silent for %.1f s and is killed", self._worker.silence)
            self._worker.kill()
            # A process that hangs in a driver may take its time to go; nobody has to wait for that.
            self._set_state(EngineState.RESTARTING)
            self._fail_streams(FailureCode.WORKER_DIED, _DIED)

    def _set_state(self, state: EngineState) -> None:
        if self._state is not EngineState.CLOSED:
            self._state = state
        self._changed.set()
        self._changed = asyncio.Event()

    def _unavailable(self) -> EngineUnavailable:
        if self._state is EngineState.FAILED:
            wait = _MAX_RETRY
        elif self._state is EngineState.CLOSED:
            wait = _MIN_RETRY  # another server behind the same balancer may take it at once
        else:
            wait = self._start_seconds - (monotonic() - self._spawned)
        return EngineUnavailable(min(max(wait, _MIN_RETRY), _MAX_RETRY), _WHY_UNAVAILABLE[self._state])

    # ------------------------------------------------------------------------------------------------ messages

    def _take(self, messages: Sequence[ToClient]) -> None:
        for message in messages:
            match message:
                case AnswerTokens() | AnswerDone():
                    if (stream := self._streams.get(message.stream)) is not None:
                        if isinstance(message, AnswerDone) and stream.last:
                            self._learn_speed(message)
                        stream.deliver(message)
                case StreamFailed(number, code, explanation):
                    if (stream := self._streams.get(number)) is not None:
                        stream.fail(EngineError(code, explanation))
                case WorkerStats():
                    self.stats = message
                case StreamTrace():
                    if self.on_trace is not None:
                        self.on_trace(message)
                case StepRuns(step):
                    logger.info("step %d takes long", step)
                case WorkerReady(info):
                    self._become_ready(info)
                case WorkerFailed():
                    self._last_words = message

    def _become_ready(self, info: RunnerInfo) -> None:
        self.info = info
        self._ready_since = monotonic()
        self._start_seconds = self._ready_since - self._spawned
        self.failure = None
        self._set_state(EngineState.READY)
        logger.info("the worker is ready after %.1f s: %s", self._start_seconds, info)

    def _learn_speed(self, done: AnswerDone) -> None:
        """From a recording that is answered: all its audio was there when the work began."""
        assert self.info is not None
        now = monotonic()
        started = now - (done.total_seconds - done.queue_seconds)
        family, seconds = self.info.family, self.info.geometry.seconds(done.audio_tokens)
        prompt = max(0, done.prompt_tokens - done.audio_tokens - family.prompt_tokens)
        self.admission.completed(work_seconds(family, seconds, prompt), started=started, ended=now)

    def _fail_streams(self, code: FailureCode, explanation: str) -> None:
        for stream in list(self._streams.values()):
            stream.fail(EngineError(code, explanation))
