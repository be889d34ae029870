"""The step loop of the worker: take messages, plan, step, account, send. One thread, no device code, no own clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from model.seam.runner import StepRunner
from model.seam.steps import PendingStep, StepPlan
from server.engine.figures import DeviceMemory
from server.engine.messages import StopWorker, ToClient, ToWorker, WorkerStats
from server.engine.settings import EngineSettings
from server.engine.worker.pace import Pace
from server.engine.worker.pulse import Pulse
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.streams import Streams
from server.engine.worker.tally import WorkTally

logger = logging.getLogger(__name__)

STATS_SECONDS = 0.25
"""Between two WorkerStats while nothing begins or ends."""

Receive = Callable[[float | None], Sequence[ToWorker]]
"""Waits up to so many seconds (None: for ever) for messages and returns all that are there, possibly none."""
Send = Callable[[Sequence[ToClient]], None]
Memory = Callable[[], DeviceMemory | None]
"""What the device's memory is in use for; None where it has none of its own."""

_MEMORY_SECONDS = 1.0
"""Between two looks at the device's memory, which take longer than a count."""


class _Launched(NamedTuple):
    """A step that was launched and not read, the number of its rows, and when its launch began."""

    pending: PendingStep
    rows: int
    at: float


class StepLoop:
    """Owns the runner and every stream on it. ``run`` is the worker's main loop."""

    def __init__(
        self,
        runner: StepRunner,
        settings: EngineSettings,
        *,
        receive: Receive,
        send: Send,
        clock: Callable[[], float],
        out_of_memory: tuple[type[Exception], ...] = (MemoryError,),
        pulse: Pulse | None = None,
        pace: Pace | None = None,
        memory: Memory = lambda: None,
    ) -> None:
        """``clock``: monotonic seconds. ``out_of_memory``: what the runner raises when the device is full.

        ``pulse``, ``pace``: for a device on which steps take seconds; neither where they are short anyway.
        """
        self._runner = runner
        self._info = runner.info
        self._receive = receive
        self._send = send
        self._clock = clock
        self._out_of_memory = out_of_memory
        self._heartbeat = settings.heartbeat_timeout / 4
        self._stats_interval = min(STATS_SECONDS, self._heartbeat)
        self._scheduler = Scheduler(settings, self._info)
        self._done = WorkTally()
        self._streams = Streams(runner, self._scheduler, clock=clock, out_of_memory=out_of_memory)
        self._pulse, self._pace = pulse, pace
        if pace is not None:
            self._scheduler.share = pace.share
        self._launched: _Launched | None = None
        self._busy = False
        self._unchecked = False
        self._stats_due = True
        self._stats_sent = clock()
        self._memory, self._memory_read = memory, float("-inf")
        self._device_memory: DeviceMemory | None = None

    def run(self) -> None:
        """Until StopWorker. Raises what the runner's step raises, unless the device was only out of memory."""
        self._turn()
        while self._handle(self._receive(self._patience())):
            self._turn()

    def _patience(self) -> float | None:
        """How long to wait for messages: not at all between steps; with open streams until a sign of life is due."""
        if self._busy:
            return 0.0
        return self._heartbeat if self._streams else None

    def _handle(self, messages: Sequence[ToWorker]) -> bool:
        """Apply messages in order. False when one of them was StopWorker."""
        for message in messages:
            if isinstance(message, StopWorker):
                return False
            self._streams.handle(message)
        return True

    def _turn(self) -> None:
        """Launch a step and read one, or the last word before a rest.

        Where the device works by itself the step that is read is the one before: the host plans, sends and waits for
        messages while the device computes.
        """
        busy = self._done.busy_seconds
        self._streams.admit()
        self._streams.put_questions()
        plan = self._scheduler.plan()
        before, self._launched = self._launched, None
        idle = plan.empty and before is None
        if not plan.empty:
            self._launched = self._launch(plan)
        if before is not None:
            self._read(before)
        if self._launched is not None and not self._info.launches_ahead:
            launched, self._launched = self._launched, None
            self._read(launched)
        if self._pace is not None and not plan.empty:
            self._scheduler.share = self._pace.after(plan, self._done.busy_seconds - busy)
        if idle:
            self._rest()
        self._report()
        if outbox := self._streams.outbox:
            self._send(tuple(outbox))
            outbox.clear()

    # ---------------------------------------------------------------------------------------------------- steps

    def _launch(self, plan: StepPlan) -> _Launched | None:
        """Start a step. None where not even that was possible."""
        if logger.isEnabledFor(logging.DEBUG):
            logger.debug("%s", describe(plan))
        self._busy = self._unchecked = True
        numbers = {work.stream for work in plan.encode} | {work.stream for work in plan.rows}
        began = self._clock()
        try:
            with self._sign_of_life():
                pending = self._runner.launch(plan)
        except self._out_of_memory as error:
            logger.error("out of memory with %d streams: %s", len(numbers), error)
            for number in numbers:
                self._streams.fail(number, error)
            return None
        finally:
            self._done.busy_seconds += self._clock() - began
        self._done.launched(plan)
        self._streams.trace_step(numbers)
        self._streams.count(numbers)
        for number in pending.failed:
            logger.error("out of memory even by itself", extra={"fields": {"stream": number}})
            self._streams.fail(number, MemoryError())
        return _Launched(pending, len(plan.rows), began)

    def _read(self, launched: _Launched) -> None:
        """Wait for a step and pass on what came out of it."""
        began = self._clock()
        with self._sign_of_life():
            result = launched.pending.read()
        now = self._clock()
        self._done.busy_seconds += now - began
        self._done.read(rows=launched.rows, launched_at=launched.at, now=now)
        self._streams.count(emitted.stream for emitted in result.emitted)
        for emitted in result.emitted:
            self._done.emitted(emitted)
            self._streams.take(emitted)

    def _sign_of_life(self) -> AbstractContextManager[None]:
        return nullcontext() if self._pulse is None else self._pulse.step(self._done.steps)

    def _rest(self) -> None:
        """Nothing can be done until a message comes."""
        if self._busy:
            self._busy, self._stats_due = False, True
        if self._unchecked and not self._scheduler.running:
            self._runner.check_integrity()
            self._unchecked = False

    def _report(self) -> None:
        """WorkerStats when something began or ended, and otherwise now and then."""
        now = self._clock()
        if not (self._stats_due or self._streams.changed) and now - self._stats_sent < self._stats_interval:
            return
        self._stats_due, self._stats_sent = False, now
        self._streams.changed = False
        if now - self._memory_read >= _MEMORY_SECONDS:
            self._device_memory, self._memory_read = self._memory(), now
        self._streams.outbox.append(
            WorkerStats(
                running=len(self._scheduler.running),
                waiting=self._scheduler.waiting,
                pages_used=self._info.pages - self._runner.free_pages,
                pages_total=self._info.pages,
                done=self._done.so_far(self._streams.answer_tokens),
                memory=self._device_memory,
            )
        )
