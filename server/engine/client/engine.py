"""The engine as the API uses it: streams over a worker process that may die and comes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from time import monotonic

from model.seam.runner import RunnerInfo
from model.seam.streams import Priority, StreamSpec
from server import traceparent
from server.engine.capacity import Capacity
from server.engine.client.admission import Admission
from server.engine.client.process import WorkerProcess
from server.engine.client.quarantine import PAST, Quarantine
from server.engine.client.request import Link, StreamRequest
from server.engine.client.shelf import Eviction, Place, Shelf
from server.engine.client.source import AudioSource
from server.engine.client.stream import EngineStream
from server.engine.client.supervisor import Death, EngineState, Supervisor
from server.engine.errors import EngineError
from server.engine.figures import LoopFigures, WorkDone
from server.engine.messages import (
    AnswerDone,
    AnswerTokens,
    EndReason,
    FailureCode,
    StreamFailed,
    StreamPreempted,
    StreamsLost,
    StreamTrace,
    ToClient,
    WorkerStats,
)
from server.engine.settings import EngineSettings
from server.engine.worker.load import RunnerFactory

__all__ = ["Death", "Engine", "EngineState"]

logger = logging.getLogger(__name__)

_REPLAYS = 4
"""Streams whose audio is given to a new worker at the same time."""
_POISON = "The process that runs the model ended each time that it ran this request."


class Engine:
    """Owns the worker process and every stream on it. For one event loop, which is never blocked.

    The streams of a worker that dies are held, and given to the next one in the order in which they were opened.

    Attributes:
        info: of the runner, after the first worker became ready.
        stats: the latest of the present worker; what it has done begins at 0 with each worker.
        on_trace: called with what is told of each stream whose trace is sampled, when it ends.
        loops: what was counted of answers that ran in circles.
        shelf: streams that nobody owns.
        admission: for the requests in front of the engine; learns the speed from every recording that ends well.
    """

    def __init__(self, factory: RunnerFactory, settings: EngineSettings | None = None) -> None:
        self._settings = settings = settings or EngineSettings()
        self._supervisor = Supervisor(
            factory, settings, on_ready=self._go_on, on_messages=self._take, on_death=self._hold
        )
        self._running: asyncio.Task[None] | None = None
        self._worker: WorkerProcess | None = None  # that is ready
        self._numbers = count(1)
        self._streams: dict[EngineStream, None] = {}  # in the order of their opening
        self._linked: dict[int, EngineStream] = {}  # by the number that the worker knows
        self._borrowers: dict[EngineStream, EngineStream] = {}  # and the streams that they wait for
        self._turns = asyncio.Semaphore(_REPLAYS)
        self._quarantine = Quarantine(monotonic)
        self.info: RunnerInfo | None = None
        self.stats: WorkerStats | None = None
        self.on_trace: Callable[[StreamTrace], None] | None = None
        self.loops = LoopFigures()
        self.shelf = Shelf(settings.kept_streams, settings.kept_seconds, self._leave)
        self._done_before = WorkDone()
        self.admission = Admission(max_requests=settings.max_requests, max_audio_seconds=settings.max_audio_seconds)

    @property
    def state(self) -> EngineState:
        return self._supervisor.state

    @property
    def done(self) -> WorkDone:
        """What all workers did so far, as far as they have told: never less than before."""
        return self._done_before if self.stats is None else self._done_before + self.stats.done

    @property
    def capacity(self) -> Capacity | None:
        """What there is room for; None before the first worker became ready."""
        return None if self.info is None else Capacity.of(self.info, self._settings)

    @property
    def worker_pid(self) -> int | None:
        """Process id of the present worker, None while there is none."""
        return None if self._supervisor.worker is None else self._supervisor.worker.pid

    @property
    def restarts(self) -> int:
        """Workers that died so far without having been asked to stop."""
        return self._supervisor.restarts

    @property
    def deaths(self) -> Mapping[Death, int]:
        """The same by reason."""
        return self._supervisor.deaths

    @property
    def failure(self) -> str | None:
        """Why the last worker ended, until the next one is ready; for the operator's eyes."""
        return self._supervisor.failure

    async def start(self) -> None:
        """Spawn the worker and return; ``wait_ready`` waits for it."""
        self._running = asyncio.create_task(self._run(), name="engine-supervisor")

    async def wait_ready(self) -> None:
        """Return when streams can be opened. Raises EngineUnavailable when the engine failed or was closed."""
        while self.state not in (EngineState.READY, EngineState.FAILED, EngineState.CLOSED):
            await self._supervisor.changed()
        self.check_ready()

    async def wait_failed(self) -> None:
        """Return when no worker can be had any more, or the engine was closed."""
        while self.state not in (EngineState.FAILED, EngineState.CLOSED):
            await self._supervisor.changed()

    async def close(self) -> None:
        """End every stream with SHUTTING_DOWN, stop the worker, kill it if it does not. Harmless when repeated."""
        self._fail_streams(FailureCode.SHUTTING_DOWN, "The server is shutting down.")
        await self._supervisor.close()
        if self._running is not None:
            await self._running

    def check_ready(self) -> None:
        """Raise EngineUnavailable, which says why and for how long, unless the engine is READY."""
        if self.state is not EngineState.READY:
            raise self._supervisor.unavailable

    def check_alive(self) -> None:
        """Raise EngineUnavailable, likewise, unless there is a worker that has been ready, or will be another."""
        if self.info is None or self.state in (EngineState.FAILED, EngineState.CLOSED):
            raise self._supervisor.unavailable

    def open(
        self,
        spec: StreamSpec,
        *,
        request_id: str,
        source: AudioSource | None = None,
        fingerprint: str | None = None,
        place: Place | None = None,
    ) -> EngineStream:
        """Begin a stream. Between two workers it waits for the next one; who has done nothing yet asks ``check_ready``.

        Raises EngineUnavailable where no worker was or will be ready, and EngineError for known poison.

        ``source``: has its audio again if the worker dies; without one the stream keeps what is appended.
        ``fingerprint``: digest of what is asked, by which a request that kills workers is known when it comes again.
        ``place``: one that was left there (see `Shelf`) goes on, and has heard the same audio; or where one has it that
        somebody uses, this one gets it from there. Then the stream has been ``appended`` to, and ``source`` is needed.
        """
        self.check_alive()
        assert self.info is not None
        geometry, trace = self.info.geometry, traceparent.current.get()
        request = StreamRequest(spec, request_id, geometry, source, fingerprint, trace)
        stream = EngineStream(request, self._forget, self.loops)
        if self._quarantine.refused(stream.key):
            raise EngineError(FailureCode.POISON, _POISON)
        place = None if self._quarantine.suspect(stream.key) else place
        known = None if place is None else self.shelf.take(place)
        if known is not None:
            known.resume(request)
            stream = known
        else:
            self._streams[stream] = None
            self._begin(stream, None if place is None else self.shelf.lender(place, stream.priority), place)
        if place is not None:
            self.shelf.lend(stream, place)
        return stream

    def _begin(self, stream: EngineStream, lender: EngineStream | None, place: Place | None) -> None:
        """Have it heard, by itself or by another one that is asked about the same."""
        if lender is not None and place is not None:
            stream.borrow(place.samples)
            self._borrowers[stream] = lender
            self._share(lender)
        elif self._worker is None:
            stream.disconnect()
        else:
            self._connect(stream, self._worker)

    def _share(self, lender: EngineStream) -> None:
        """Those who wait for what it hears have it, if it is heard."""
        if self._worker is None or lender.number is None or not lender.heard:
            return
        for stream in self._release(lender):
            number = next(self._numbers)
            self._linked[number] = stream
            stream.fork(Link(self._worker, number), lender.number)

    def _let_down(self, lender: EngineStream) -> None:
        """Those who wait for what it hears hear it by themselves."""
        for stream in self._release(lender):
            if self._worker is not None:
                self._connect(stream, self._worker)

    def _release(self, lender: EngineStream) -> list[EngineStream]:
        """Those who wait for it do not any more."""
        waiting = [stream for stream, other in self._borrowers.items() if other is lender]
        for stream in waiting:
            del self._borrowers[stream]
        return waiting

    def _leave(self, stream: EngineStream) -> None:
        """Its owner has no more use for it."""
        self._learn_speed(stream)
        self._let_down(stream)

    async def _run(self) -> None:
        try:
            await self._supervisor.run()
        finally:
            self._fail_streams(FailureCode.WORKER_DIED, "The process that ran this request ended, and no other starts.")

    def _connect(self, stream: EngineStream, worker: WorkerProcess) -> None:
        """Under a number that it never had: what is said of another one does not concern it any more."""
        number = next(self._numbers)
        if stream.company is None and self._quarantine.suspect(stream.key):
            stream.company = number
        self._linked[number] = stream
        stream.connect(Link(worker, number), self._turns)

    def _disconnect(self, stream: EngineStream) -> None:
        if stream.number is not None:
            del self._linked[stream.number]
        stream.disconnect()

    def _forget(self, stream: EngineStream) -> None:
        self._streams.pop(stream, None)
        self._borrowers.pop(stream, None)
        self._let_down(stream)
        self.shelf.forget(stream)
        if not stream.kept:
            self._learn_speed(stream)
        if stream.number is not None:
            self._linked.pop(stream.number, None)

    def _go_on(self, worker: WorkerProcess, info: RunnerInfo) -> None:
        """A worker is ready, and gets every stream that is held; those go first for which somebody waits."""
        self.info, self._worker = info, worker
        self._turns = asyncio.Semaphore(_REPLAYS)
        for stream in sorted(self._streams, key=lambda stream: stream.priority):
            if stream not in self._borrowers:
                self._connect(stream, worker)

    def _hold(self, in_hand: frozenset[int], outside: bool) -> bool:
        """A worker died, by itself or from outside. True where the stream is known that did it; it has failed now."""
        self._done_before = self.done
        self.stats = self._worker = None
        blamed = [stream for number, stream in self._linked.items() if number in in_hand]
        alone = [stream.company is not None for stream in blamed] == [True]
        places = {key: max(each.given for each in blamed if each.key == key) for key in {each.key for each in blamed}}
        found = self._quarantine.blame(places, alone=alone, outside=outside)
        for stream in list(self._streams):
            if stream.kept:
                self.shelf.evict(stream, Eviction.LOST)
                continue
            self._disconnect(stream)
            stream.company = None
            if self._quarantine.refused(stream.key):
                logger.error(
                    "a request kills workers and is refused", extra={"fields": {"request_id": stream.request_id}}
                )
                stream.fail(EngineError(FailureCode.POISON, _POISON))
        return found

    def _try_in_parts(self, numbers: Sequence[int]) -> None:
        """A step with these streams went wrong: they run again, each half by itself, and others not before."""
        if (worker := self._worker) is None:
            return  # it died over the next step
        lost = [stream for number in numbers if (stream := self._linked.get(number)) is not None]
        for kept in [stream for stream in lost if stream.kept]:  # whose question had just been taken back
            self.shelf.evict(kept, Eviction.LOST)
        streams = [stream for stream in lost if not stream.kept]
        half = -(-len(streams) // 2)
        for part in (streams[:half], streams[half:]):
            company = next(self._numbers)
            for stream in part:
                self._disconnect(stream)
                stream.company = company
                self._connect(stream, worker)

    def _begin_again(self, stream: EngineStream) -> None:
        """The stream was preempted: it goes on where it was when there is room, unless nobody owns it."""
        if stream.kept:
            self.shelf.evict(stream, Eviction.PAGES)
            return
        self._disconnect(stream)
        if self._worker is not None:
            self._connect(stream, self._worker)

    def _take(self, messages: Sequence[ToClient]) -> None:
        for message in messages:
            match message:
                case AnswerTokens() | AnswerDone():
                    if (stream := self._linked.get(message.stream)) is not None:
                        self._deliver(stream, message)
                case StreamFailed(number, code, explanation):
                    if (stream := self._linked.get(number)) is not None:
                        stream.fail(EngineError(code, explanation))
                case StreamsLost(numbers):
                    self._try_in_parts(numbers)
                case StreamPreempted(number):
                    if (stream := self._linked.get(number)) is not None:
                        self._begin_again(stream)
                case WorkerStats():
                    self.stats = message
                case StreamTrace():
                    if self.on_trace is not None:
                        self.on_trace(message)

    def _deliver(self, stream: EngineStream, message: AnswerTokens | AnswerDone) -> None:
        # Who takes a question back, perhaps again and again, has got past nothing by that.
        done = isinstance(message, AnswerDone) and message.reason is not EndReason.CROPPED
        stream.deliver(message)
        self._share(stream)
        if done or (stream.steps >= PAST and self._quarantine.passed(stream.key, stream.given)):
            self._quarantine.acquit(stream.key)
            stream.rejoin()

    def _learn_speed(self, stream: EngineStream) -> None:
        """From a recording that is answered: all its audio was there when the work began."""
        if (work := stream.work) is not None and stream.priority is not Priority.LIVE:
            assert self.info is not None
            self.admission.completed(work.cost(self.info), started=work.started, ended=work.ended)

    def _fail_streams(self, code: FailureCode, explanation: str) -> None:
        for stream in list(self._streams):
            stream.fail(EngineError(code, explanation))
