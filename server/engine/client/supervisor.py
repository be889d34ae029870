"""One worker after the other: started, watched, killed where it hangs, replaced, given up where none can be had."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import fields
from enum import StrEnum
from time import monotonic
from typing import Any

from model.seam.runner import RunnerInfo
from server.engine.client.back_off import BackOff
from server.engine.client.memory_kills import memory_kills
from server.engine.client.process import WorkerEnd, WorkerProcess
from server.engine.client.watchdog import Watchdog
from server.engine.errors import EngineUnavailable
from server.engine.messages import StopWorker, ToClient, WorkerFailed, WorkerReady
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory

logger = logging.getLogger(__name__)

_USUAL_START = 5.0
"""Seconds that a start is expected to take until one was measured."""
_MEASURED_STARTS = 3
"""The longest of so many is what the next one is expected to take."""
_LEAST_RETRY, _FAILED_RETRY = 1.0, 60.0
_LOOKS = 30
"""At the worker, in the time after which a silent one is killed."""
_LEAST_LOOK, _LONGEST_LOOK = 0.02, 1.0
_RED = 1 / 3
"""Part of its patience after which a worker does not count as ready any more."""


class EngineState(StrEnum):
    """Whether streams can be opened: only while READY."""

    STARTING = "starting"
    READY = "ready"
    UNRESPONSIVE = "unresponsive"
    """The worker gives no sign of life. It is ready again when it does, and killed when it does not."""
    RESTARTING = "restarting"
    FAILED = "failed"
    """No worker can be had; ``Engine.failure`` says why. Only another process can help."""
    CLOSED = "closed"


_WHY_UNAVAILABLE = {
    EngineState.STARTING: "The model is being loaded.",
    EngineState.UNRESPONSIVE: "The model does not answer.",
    EngineState.RESTARTING: "The model is being loaded again after a failure.",
    EngineState.FAILED: "The model could not be loaded.",
    EngineState.CLOSED: "The server is shutting down.",
}


class Death(StrEnum):
    """Why a worker died that had not been asked to stop."""

    KILLED = "killed"
    """By a signal, or it left without a word."""
    HUNG = "hung"
    """It gave no sign of life and was killed."""
    OUT_OF_MEMORY = "out_of_memory"
    """The kernel killed it because memory ran out."""
    STEP_FAILED = "step_failed"
    """It left because its device was of no more use."""
    START_FAILED = "start_failed"
    """It was never ready."""


class Supervisor:
    """Has one worker at a time, as long as ``run`` runs.

    Attributes:
        state: see EngineState.
        worker: the present one, ready or not.
        restarts: workers that died so far without having been asked to stop.
        deaths: the same by reason.
        failure: why the last worker ended, until the next one is ready; for the operator's eyes.
    """

    def __init__(
        self,
        factory: RunnerFactory,
        settings: EngineSettings,
        *,
        on_ready: Callable[[WorkerProcess, RunnerInfo], None],
        on_messages: Callable[[Sequence[ToClient]], None],
        on_death: Callable[[frozenset[int], bool], bool],
    ) -> None:
        """``on_death``: a worker is gone that was ready, what it had in hand, and whether somebody else killed it.

        Returns True where the cause is gone too.
        """
        self._factory = factory
        self._settings = settings
        self._on_ready, self._on_messages, self._on_death = on_ready, on_messages, on_death
        self.state = EngineState.STARTING
        self.worker: WorkerProcess | None = None
        self.restarts = 0
        self.deaths = dict.fromkeys(Death, 0)
        self.failure: str | None = None
        self._changed = asyncio.Event()
        self._closing = asyncio.Event()
        self._watchdog: Watchdog | None = None
        self._hung = self._stuck = False
        self._last_words: WorkerFailed | None = None
        self._starts = deque[float](maxlen=_MEASURED_STARTS)
        self._spawn_at = monotonic()
        self._ready_at: float | None = None

    async def run(self) -> None:
        """Have one worker after the other, until `close` or until none can be had."""
        try:
            await self._have_workers()
        finally:
            self._set_state(EngineState.FAILED)

    async def _have_workers(self) -> None:
        back_off, failed_starts = BackOff(self._settings), 0
        while not self._closing.is_set():
            kills = memory_kills()
            end = await self._live_through_one()
            ready_at, self._ready_at = self._ready_at, None
            if self._closing.is_set():
                return
            memory = _short_of_memory(kills, memory_kills())
            reason = self._count(end, ready_at is not None, bool(memory))
            outside = end.killed and reason is Death.KILLED and memory is not None
            found = ready_at is not None and self._on_death(end.in_hand, outside)
            failed_starts = failed_starts + 1 if ready_at is None else 0
            if self._stuck or ((words := self._last_words) is not None and words.permanent):
                failed_starts = self._settings.max_failed_starts
            if failed_starts >= self._settings.max_failed_starts:
                return
            delay = back_off.after(None if ready_at is None else monotonic() - ready_at, found=found)
            self._spawn_at = monotonic() + delay
            self._set_state(EngineState.RESTARTING)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), delay)

    async def changed(self) -> None:
        """Return when the state is another."""
        await self._changed.wait()

    async def close(self) -> None:
        """Stop the worker, kill it if it does not. No other is started."""
        self._set_state(EngineState.CLOSED)
        self._closing.set()
        if (worker := self.worker) is not None:
            worker.send(StopWorker())
            with suppress(TimeoutError):
                # A worker that is still loading cannot read the request, so it gets no grace.
                grace = self._settings.stop_grace if self._ready_at is not None else 0.0
                await asyncio.wait_for(asyncio.shield(worker.ended), grace)
            worker.kill()

    @property
    def unavailable(self) -> EngineUnavailable:
        """What is told to who wants a stream while there is none to be had."""
        return EngineUnavailable(self.retry_after, _WHY_UNAVAILABLE[self.state])

    @property
    def retry_after(self) -> float:
        """Seconds until streams can probably be opened, as far as that can be known: back-off and a usual start."""
        start = max(self._starts, default=_USUAL_START)
        match self.state:
            case EngineState.FAILED:
                return _FAILED_RETRY
            case EngineState.CLOSED:
                return _LEAST_RETRY  # another server behind the same balancer may take it at once
            case EngineState.UNRESPONSIVE:
                assert self._watchdog is not None
                left = (1 - self._watchdog.overdue) * self._watchdog.patience + self._settings.restart_delay + start
            case _:
                since = monotonic() - self._spawn_at  # below 0 before the start
                left = max(start - since, since / 2)  # what takes longer than usual takes longer still
        return max(left, _LEAST_RETRY)

    # ---------------------------------------------------------------------------------------------- one worker

    async def _live_through_one(self) -> WorkerEnd:
        """Spawn a worker and wait for its end."""
        self._spawn_at = monotonic()
        self._last_words, self._hung = None, False
        try:
            self.worker = worker = WorkerProcess(self._factory, self._settings, self._take)
        except Exception as error:  # no process or file to be had, or a factory that does not pickle
            logger.exception("no worker could be spawned")
            return WorkerEnd(f"could not be spawned: {error}")
        watching = asyncio.create_task(self._watch(worker), name="worker-watch")
        either: set[asyncio.Future[Any]] = {worker.ended, watching}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        self.worker = None
        return worker.ended.result() if worker.ended.done() else WorkerEnd("hangs in a driver and cannot be killed")

    async def _watch(self, worker: WorkerProcess) -> None:
        """Kill it when it hangs. Returns when not even that helps."""
        assert worker.pid is not None
        settings = self._settings
        self._watchdog = watchdog = Watchdog(
            worker.box, worker.pid, timeout=settings.worker_timeout, load_timeout=settings.load_timeout
        )
        interval = min(max(settings.worker_timeout / _LOOKS, _LEAST_LOOK), _LONGEST_LOOK)
        looked = monotonic()
        while (overdue := watchdog.look(min(monotonic() - looked, 2 * interval))) < 1:
            looked = monotonic()
            if self._ready_at is not None:
                self._set_state(EngineState.READY if overdue < _RED else EngineState.UNRESPONSIVE)
            await asyncio.sleep(interval)
        self._hung = True
        logger.error("the worker gives no sign of life and is killed")
        worker.kill()
        if self._ready_at is not None:
            self._set_state(EngineState.RESTARTING)
        await asyncio.sleep(settings.kill_grace)
        self._stuck = True

    def _take(self, messages: Sequence[ToClient]) -> None:
        for message in messages:
            match message:
                case WorkerReady(info):
                    self._become_ready(info)
                case WorkerFailed():
                    self._last_words = message
        self._on_messages(messages)

    def _become_ready(self, info: RunnerInfo) -> None:
        assert self.worker is not None
        self._ready_at = monotonic()
        self._starts.append(self._ready_at - self._spawn_at)
        self.failure = None
        if self._watchdog is not None:
            self._watchdog.loaded()
        logger.info("the worker is ready after %.1f s: %s", self._starts[-1], _told(info))
        self._on_ready(self.worker, info)
        self._set_state(EngineState.READY)

    def _count(self, end: WorkerEnd, was_ready: bool, memory_ran_out: bool) -> Death:
        """Take note of a death. Returns its reason."""
        words = self._last_words
        if self._hung:
            reason, told = Death.HUNG, "it gave no sign of life"
        elif words is not None:
            reason, told = Death.STEP_FAILED, words.message
        elif end.killed and memory_ran_out:
            reason, told = Death.OUT_OF_MEMORY, "the machine had no memory left"
        else:
            reason, told = Death.KILLED, "no word from it"
        if not was_ready and not self._hung:
            reason = Death.START_FAILED
        self.restarts += 1
        self.deaths[reason] += 1
        self.failure = words.message if words is not None else f"The worker {end.how}."
        logger.error("the worker %s: %s", end.how, told)
        return reason

    def _set_state(self, state: EngineState) -> None:
        if self.state in (state, EngineState.CLOSED, EngineState.FAILED):
            return
        self.state = state
        self._changed.set()
        self._changed = asyncio.Event()


def _short_of_memory(before: int | None, after: int | None) -> bool | None:
    """Whether the kernel killed something between two counts; None where that cannot be known."""
    return None if before is None or after is None else after > before


def _told(info: RunnerInfo) -> str:
    """For the log: of the family the name alone, for all that is in it stands in the code."""
    told = {each.name: getattr(info, each.name) for each in fields(info)} | {"family": info.family.name}
    return ", ".join(f"{name} {value}" for name, value in told.items())
