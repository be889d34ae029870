"""``FakeCuda``: a CUDA card that is played on a machine without one.

    with FakeCuda(card_of(24)) as cuda:
        runner = load_runner("tiny")
        with cuda.step() as step:
            runner.step(plan)
        assert sum(step.waits.values()) == 1

Inside, torch says that there is one card. What is computed there has no numbers; all that the host decides, allocates,
launches and waits for is real.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from functools import partial

import torch
import torch.nn.attention.varlen  # registers its operation

from bench.rehearsal.card import Card
from bench.rehearsal.contracts import check_varlen
from bench.rehearsal.counts import Counts
from bench.rehearsal.dispatch import DeviceMode
from bench.rehearsal.faults import Faults
from bench.rehearsal.memory import Block, Memory
from bench.rehearsal.packages import packages, stand_in_packages
from bench.rehearsal.streams import FakeEvent, FakeGraph, FakeStream
from bench.rehearsal.stubs import stand_ins
from bench.rehearsal.timeline import Timeline


def nothing(tensor: torch.Tensor) -> torch.Tensor:
    """What is read of numbers that nobody computed: zeros."""
    return torch.zeros(tensor.shape, dtype=tensor.dtype)


class FakeCuda:
    """See the module. ``faults``: what was found so far; ``counts``: of everything so far.

    ``answer``: what the host reads of a tensor whose numbers are not known; may be changed at any time.
    """

    def __init__(
        self,
        card: Card,
        *,
        cards: int = 1,
        flash: bool = False,
        answer: Callable[[torch.Tensor], torch.Tensor] = nothing,
    ) -> None:
        """``cards``: how many there are; all is done on the first. ``flash``: the flash-attn package is there."""
        self.card, self.cards, self.answer = card, cards, answer
        self.faults, self.counts = Faults(), Counts()
        self.memory = Memory(card)
        self.timeline = Timeline(self.counts, self.faults)
        self.device = 0
        self.Stream = type("Stream", (FakeStream,), {"cuda": self})
        self.Event = type("Event", (FakeEvent,), {"cuda": self})
        self.Graph = type("CUDAGraph", (FakeGraph,), {"cuda": self})
        self.stream: FakeStream = self.Stream()
        self.default_stream = self.stream
        self.recording: FakeGraph | None = None
        self.mode = DeviceMode(self)
        self.mode.kernels[torch.ops.torch_attn._varlen_attn.default] = partial(check_varlen, self)
        self._packages = stand_in_packages(self, flash=flash)
        self._stack = ExitStack()

    def __enter__(self) -> FakeCuda:
        """May be entered again and again; what was made inside lives on between."""
        self._stack = ExitStack()
        self._stack.enter_context(stand_ins(self))
        self._stack.enter_context(packages(self._packages))
        self._stack.enter_context(self.mode)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @contextmanager
    def step(self) -> Iterator[Counts]:
        """Counts of what happens inside, complete when it is left."""
        before, inside = self.counts.copy(), Counts()
        try:
            yield inside
        finally:
            after = self.counts.since(before)
            for each in fields(Counts):
                setattr(inside, each.name, getattr(after, each.name))

    # ------------------------------------------------------------------------------------------ asked by the rest

    def launch(self, name: str, reads: list[Block], writes: list[Block]) -> None:
        if self.recording is not None:
            self.recording.add(reads, writes)
            return
        clock = self.stream.clock
        self.counts.launches += 1
        self.counts.by_stream[clock.number] += 1
        self.timeline.launch(clock, reads, writes, name)

    def allocate(self, sizes: list[int], name: str) -> list[Block]:
        if self.recording is None:
            self.timeline.allocate(self.stream.clock)
        pool = None if self.recording is None else self.recording.memory
        return self.memory.take(sizes, self.stream.clock.number, pool, name)

    def free(self, block: Block) -> None:
        if block.pool is None:
            self.timeline.free(block)
        self.memory.give_back(block)

    def wait(self, why: str) -> None:
        """The host waits for all that was launched on the current stream."""
        self.timeline.wait(self.stream.moment(), why)

    def when_done(self, arrive: Callable[[], None]) -> None:
        """Call ``arrive`` once the host knows that the current stream has come this far; never inside a recording."""
        if self.recording is None:
            self.timeline.when_done(self.stream.clock, arrive)

    def check_now_and_later(self, check: Callable[[], None]) -> None:
        """``check`` the numbers of a launch; of one that is recorded, at every replay and not now."""
        if self.recording is not None:
            self.recording.checks.append(check)
        else:
            check()

    def check_alike(self, name: str, *tensors: torch.Tensor) -> None:
        """Raise RuntimeError as kernels do for tensors of other devices or dtypes than the first."""
        first = tensors[0]
        for tensor in tensors:
            if (tensor.device, tensor.dtype) != (first.device, first.dtype):
                raise RuntimeError(f"{name}: {tensor.dtype} on {tensor.device} beside {first.dtype} on {first.device}")
