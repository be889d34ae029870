"""The step loop of the worker: take messages, plan, step, account, send. One thread, no device code, no own clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar

from model.errors import is_device_fault
from model.seam.runner import StepRunner
from model.seam.steps import PendingStep, StepPlan
from server.engine.blackbox import BlackBox
from server.engine.figures import DeviceMemory
from server.engine.messages import StopWorker, ToClient, ToWorker, WorkerStats
from server.engine.settings import EngineSettings
from server.engine.worker.pace import Pace
from server.engine.worker.scheduler import Scheduler, describe
from server.engine.worker.streams import Streams
from server.engine.worker.tally import WorkTally

logger = logging.getLogger(__name__)

STATS_SECONDS = 0.25
"""Between two WorkerStats while nothing begins or ends."""
_MOST_FAILURES = 8
"""Steps in a row that go wrong, with none between that did not: then it is not for a stream. Halves take six."""

Receive = Callable[[float | None], Sequence[ToWorker]]
"""Waits up to so many seconds (None: for ever) for messages and returns all that are there, possibly none."""
Send = Callable[[Sequence[ToClient]], None]
Memory = Callable[[], DeviceMemory | None]
"""What the device's memory is in use for; None where it has none of its own."""
Part = TypeVar("Part")

_MEMORY_SECONDS = 1.0
"""Between two looks at the device's memory, which take longer than a count."""


class _Launched(NamedTuple):
    """A step that was launched and not read, the number of its rows, its streams, and when its launch began."""

    pending: PendingStep
    rows: int
    streams: frozenset[int]
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
        box: BlackBox | None = None,
        pace: Pace | None = None,
        memory: Memory = lambda: None,
    ) -> None:
        """``clock``: monotonic seconds. ``out_of_memory``: what the runner raises when the device is full.

        ``box``: what others see of turns and steps; without, nobody does. ``pace``: for a device on which steps take
        seconds; none where they are short anyway.
        """
        self._runner = runner
        self._info = runner.info
        self._receive = receive
        self._send = send
        self._clock = clock
        self._box = box or BlackBox()
        self._scheduler = Scheduler(settings, self._info)
        self._done = WorkTally()
        self._streams = Streams(runner, self._scheduler, clock=clock, out_of_memory=out_of_memory, box=self._box)
        self._pace = pace
        if pace is not None:
            self._scheduler.share = pace.share
        self._launched: _Launched | None = None
        self._company: int | None = None
        self._busy = False
        self._failures = 0
        self._unchecked = False
        self._stats_due = True
        self._stats_sent = clock()
        self._memory, self._memory_read = memory, float("-inf")
        self._device_memory: DeviceMemory | None = None

    def run(self) -> None:
        """Until StopWorker. Raises what a step raises after which the device is of no more use."""
        self._turn()
        while True:
            messages = self._receive(0.0 if self._busy else None)
            began = self._clock()
            self._box.begin_turn()
            if not self._handle(messages):
                return
            self._turn()
            self._box.end_turn(self._clock() - began)

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
        while plan.empty and before is None and self._streams.make_way():
            plan = self._scheduler.plan()
        idle = plan.empty and before is None
        if self._scheduler.company != self._company:
            self._company = self._scheduler.company
            self._settle(before)
            before = None
        self._streams.evict()
        if not plan.empty:
            self._launched = self._launch(plan)
        if before is not None:
            self._read(before)
            # Frames that it encoded may still be computed: nobody waits for those before the next step needs them.
            self._box.keep_steps(1 if self._launched is None else 2)
        if self._launched is not None and not self._info.launches_ahead:
            launched, self._launched = self._launched, None
            self._read(launched)
            self._box.keep_steps(0)
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
        numbers = frozenset({work.stream for work in plan.encode} | {work.stream for work in plan.rows})
        self._box.begin_step(numbers)
        began = self._clock()
        pending = self._tried(numbers, lambda: self._runner.launch(plan))
        if pending is None:
            return None
        self._done.launched(plan)
        self._streams.trace_step(numbers)
        self._streams.count(numbers)
        for number in pending.failed:
            logger.error("out of memory even by itself", extra={"fields": {"stream": number}})
            self._streams.fail(number, MemoryError())
        return _Launched(pending, len(plan.rows), numbers, began)

    def _read(self, launched: _Launched) -> None:
        """Wait for a step and pass on what came out of it."""
        result = self._tried(launched.streams, launched.pending.read)
        if result is None:
            return
        self._failures = 0
        self._done.read(rows=launched.rows, launched_at=launched.at, now=self._clock())
        self._streams.count(emitted.stream for emitted in result.emitted)
        for emitted in result.emitted:
            self._done.emitted(emitted)
            self._streams.take(emitted)

    def _tried(self, streams: Iterable[int], part: Callable[[], Part]) -> Part | None:
        """What a part of a step with these streams returns; None where it went wrong, which is over for them then.

        Raises what it raised where the device is of no more use, or nothing succeeds any more.
        """
        began = self._clock()
        try:
            return part()
        except Exception as error:
            self._failures += 1
            if is_device_fault(error) or self._failures >= _MOST_FAILURES:
                raise
            logger.exception("a step failed", extra={"fields": {"streams": sorted(streams)}})
            self._streams.blame(streams, error)
            return None
        finally:
            self._done.busy_seconds += self._clock() - began

    def _settle(self, launched: _Launched | None) -> None:
        """Nothing of earlier steps is to run beside the next one."""
        if launched is not None:
            self._read(launched)
        self._runner.settle()
        self._box.keep_steps(0)

    def _rest(self) -> None:
        """Nothing can be done until a message comes."""
        if self._busy:
            self._busy, self._stats_due = False, True
            self._settle(None)
        if self._unchecked and not self._scheduler.running:
            self._runner.check_integrity()
            self._unchecked = False

    def _report(self) -> None:
        """WorkerStats when something began or ended, and otherwise now and then."""
        now = self._clock()
        if not (self._stats_due or self._streams.changed) and now - self._stats_sent < STATS_SECONDS:
            return
        self._stats_due, self._stats_sent = False, now
        self._streams.changed = False
        if now - self._memory_read >= _MEMORY_SECONDS:
            self._device_memory, self._memory_read = self._memory(), now
        taken = self._info.pages - self._runner.free_pages
        kept = min(taken, self._scheduler.kept.pages)  # a page that is also somebody's who runs counts as kept
        self._streams.outbox.append(
            WorkerStats(
                running=len(self._scheduler.running),
                waiting=self._scheduler.waiting,
                pages_used=taken - kept,
                pages_total=self._info.pages,
                done=self._done.so_far(self._streams.answer_tokens, self._streams.preemptions),
                memory=self._device_memory,
                kept=len(self._scheduler.kept),
                pages_kept=kept,
            )
        )
