"""Streams, events and graphs of the card that is played, with the names that they have in ``torch.cuda``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

from bench.rehearsal.memory import Block, Pool
from bench.rehearsal.timeline import Clock

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda


class FakeStream:
    """``torch.cuda.Stream``."""

    cuda: FakeCuda

    def __init__(self, device: Any = None, priority: int = 0, **_: Any) -> None:
        self.clock = self.cuda.timeline.stream()
        self.device, self.priority = torch.device("cuda", self.cuda.device), priority

    @property
    def cuda_stream(self) -> int:
        return self.clock.number

    def wait_stream(self, stream: FakeStream) -> None:
        self._wait({**stream.clock.knows, stream.clock.number: stream.clock.launched})

    def wait_event(self, event: FakeEvent) -> None:
        self._wait(event.clock)

    def _wait(self, clock: Clock) -> None:
        for number, launch in clock.items():
            self.clock.knows[number] = max(self.clock.knows.get(number, 0), launch)

    def record_event(self, event: FakeEvent | None = None) -> FakeEvent:
        recorded = event or self.cuda.Event()
        recorded.record(self)
        return recorded

    def synchronize(self) -> None:
        self.cuda.timeline.wait(self.moment(), "Stream.synchronize")

    def moment(self) -> Clock:
        """All that is done when its launches so far are done."""
        return {**self.clock.knows, self.clock.number: self.clock.launched}

    def query(self) -> bool:
        return self.cuda.timeline.done(self.moment())

    def __enter__(self) -> FakeStream:
        self._entered = entered(self.cuda, self)
        self._entered.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.__exit__(None, None, None)


class FakeEvent:
    """``torch.cuda.Event``."""

    cuda: FakeCuda

    def __init__(self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False) -> None:
        self.clock: Clock = {}

    def record(self, stream: FakeStream | None = None) -> None:
        self.clock = (stream or self.cuda.stream).moment()

    def wait(self, stream: FakeStream | None = None) -> None:
        (stream or self.cuda.stream).wait_event(self)

    def synchronize(self) -> None:
        self.cuda.timeline.wait(self.clock, "Event.synchronize")

    def query(self) -> bool:
        return self.cuda.timeline.done(self.clock)

    def elapsed_time(self, other: FakeEvent) -> float:
        return 1.0


class FakeGraph:
    """``torch.cuda.CUDAGraph``: what it touched while it was recorded, to be touched again by every replay."""

    cuda: FakeCuda

    def __init__(self, keep_graph: bool = False) -> None:
        self.memory: Pool | None = None
        self.launches = 0
        self.checks: list[Callable[[], None]] = []
        self._reads: dict[int, Block] = {}
        self._writes: dict[int, Block] = {}

    def add(self, reads: list[Block], writes: list[Block]) -> None:
        self.launches += 1
        self._reads.update((id(block), block) for block in reads)
        self._writes.update((id(block), block) for block in writes)

    def end(self) -> None:
        """What was freed inside is no longer looked at; its memory is the pool's."""
        self._writes = {key: block for key, block in self._writes.items() if not block.freed}
        self._reads = {key: block for key, block in self._reads.items() if not block.freed and key not in self._writes}

    def replay(self) -> None:
        self.cuda.counts.replays += 1
        for check in self.checks:
            check()
        assert self.memory is not None, "a graph is recorded before it is replayed"
        self.cuda.launch("a replay", list(self._reads.values()), [*self._writes.values(), self.memory.passing])

    def pool(self) -> Pool | None:
        return self.memory

    def reset(self) -> None:
        self._reads, self._writes = {}, {}


@contextmanager
def entered(cuda: FakeCuda, stream: FakeStream | None) -> Iterator[None]:
    """``torch.cuda.stream``; None is no other than before."""
    before = cuda.stream
    if stream is not None:
        cuda.stream = stream
    try:
        yield
    finally:
        cuda.stream = before


@contextmanager
def recorded(
    cuda: FakeCuda, graph: FakeGraph, pool: Pool | None = None, stream: FakeStream | None = None, **_: Any
) -> Iterator[None]:
    """``torch.cuda.graph``: launches inside are recorded."""
    cuda.timeline.wait(cuda.timeline.everything(), "torch.cuda.graph")
    cuda.memory.empty_cache()
    graph.memory = pool or cuda.memory.pool()
    with entered(cuda, stream or cuda.Stream()):
        cuda.recording, cuda.timeline.capturing = graph, True
        try:
            yield
        finally:
            cuda.recording, cuda.timeline.capturing = None, False
            graph.end()
