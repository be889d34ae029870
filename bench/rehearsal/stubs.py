"""The names of ``torch.cuda`` that a runner uses, for the card that is played; what they check is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.cuda._utils import _get_device_index

from bench.rehearsal.device_guard import device_guard
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
        self._entered = _entered(self.cuda, self)
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
def _entered(cuda: FakeCuda, stream: FakeStream | None) -> Iterator[None]:
    before = cuda.stream
    if stream is not None:
        cuda.stream = stream
    try:
        yield
    finally:
        cuda.stream = before


@contextmanager
def _graph(
    cuda: FakeCuda, graph: FakeGraph, pool: Pool | None = None, stream: FakeStream | None = None, **_: Any
) -> Iterator[None]:
    """``torch.cuda.graph``: launches inside are recorded."""
    cuda.timeline.wait(cuda.timeline.everything(), "torch.cuda.graph")
    cuda.memory.empty_cache()
    graph.memory = pool or cuda.memory.pool()
    with _entered(cuda, stream or cuda.Stream()):
        cuda.recording, cuda.timeline.capturing = graph, True
        try:
            yield
        finally:
            cuda.recording, cuda.timeline.capturing = None, False
            graph.end()


@contextmanager
def stand_ins(cuda: FakeCuda) -> Iterator[None]:
    """All names replaced, inside."""
    with ExitStack() as stack:
        for name, value in _names(cuda).items():
            stack.enter_context(patch.object(torch.cuda, name, value))
        stack.enter_context(patch.object(torch, "Generator", FakeGenerator))
        for kind in (torch.Tensor, FakeTensor):
            stack.enter_context(patch.object(kind, "tolist", _tolist(cuda), create=True))
        stack.enter_context(patch.object(torch.Tensor, "record_stream", _record_stream(cuda), create=True))
        stack.enter_context(device_guard(lambda: cuda.device))
        stack.enter_context(_lists_copied())
        stack.enter_context(_parameters_replaced())
        yield


def _names(cuda: FakeCuda) -> dict[str, Any]:
    card, memory = cuda.card, cuda.memory
    major, minor = card.capability
    properties = SimpleNamespace(
        name=card.name,
        major=major,
        minor=minor,
        total_memory=card.memory,
        multi_processor_count=card.multiprocessors,
        L2_cache_size=40 << 20,
    )

    def checked(device: Any = None) -> int:
        """The index of a device, the current one by default. Raises RuntimeError for one that is not there."""
        index: int = _get_device_index(device, optional=True)
        if not 0 <= index < cuda.cards:
            raise RuntimeError("CUDA error: invalid device ordinal")
        return index

    def set_device(device: Any) -> None:
        index = _get_device_index(device)  # which wants one with an index
        if index >= 0:
            cuda.device = checked(index)

    def exchange_device(index: int) -> int:
        before = cuda.device
        if index >= 0:
            cuda.device = checked(index)
        return before

    def empty_cache() -> None:
        """Memory goes back to the driver, which waits for all who may use it."""
        if memory.reserved > memory.taken:
            cuda.timeline.wait(cuda.timeline.everything(), "torch.cuda.empty_cache")
        memory.empty_cache()

    def synchronize(device: Any = None) -> None:
        checked(device)
        cuda.timeline.wait(cuda.timeline.everything(), "torch.cuda.synchronize")

    def of_card(value: Any) -> Any:
        def told(device: Any = None) -> Any:
            checked(device)
            return value() if callable(value) else value

        return told

    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "init": lambda: None,
        "_lazy_init": lambda: None,
        "_lazy_call": lambda call, **_: call(),
        "device_count": lambda: cuda.cards,
        "current_device": lambda: cuda.device,
        "set_device": set_device,
        "_exchange_device": exchange_device,
        "_maybe_exchange_device": exchange_device,
        "get_device_name": of_card(card.name),
        "get_device_capability": of_card(card.capability),
        "get_device_properties": of_card(properties),
        "is_bf16_supported": lambda including_emulation=True: card.capability >= (8, 0),
        "mem_get_info": of_card(lambda: (memory.free, card.memory)),
        "memory_allocated": of_card(lambda: memory.allocated),
        "max_memory_allocated": of_card(lambda: memory.peak),
        "memory_reserved": of_card(lambda: memory.reserved),
        "reset_peak_memory_stats": of_card(memory.reset_peak),
        "empty_cache": empty_cache,
        "synchronize": synchronize,
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        "Stream": cuda.Stream,
        "Event": cuda.Event,
        "CUDAGraph": cuda.Graph,
        "stream": lambda stream: _entered(cuda, stream),
        "graph": lambda graph, *args, **kwargs: _graph(cuda, graph, *args, **kwargs),
        "graph_pool_handle": memory.pool,
        "current_stream": of_card(lambda: cuda.stream),
        "default_stream": of_card(lambda: cuda.default_stream),
        "is_current_stream_capturing": lambda: cuda.recording is not None,
    }


class FakeGenerator(torch.Generator):
    """``torch.Generator``, of the card too. Operations get another object of the same ``_cdata``: see ``on_card``."""

    _of_card: ClassVar[set[int]] = set()

    def __new__(cls, device: Any = "cpu") -> FakeGenerator:
        made = super().__new__(cls)
        told = cls._of_card.add if torch.device(device).type == "cuda" else cls._of_card.discard
        told(_identity(made))
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return torch.device("cuda" if self.on_card(self) else "cpu")

    @classmethod
    def on_card(cls, generator: torch.Generator) -> bool:
        return _identity(generator) in cls._of_card


def _identity(generator: Any) -> int:
    return int(generator._cdata)


def _tolist(cuda: FakeCuda) -> Any:
    plain = torch._C.TensorBase.tolist

    def tolist(tensor: torch.Tensor) -> Any:
        if isinstance(tensor, FakeTensor):
            return plain(cuda.mode.download(tensor, ".tolist()"))
        cuda.mode.check_arrived(tensor)
        return plain(tensor)

    return tolist


def _record_stream(cuda: FakeCuda) -> Any:
    def record_stream(tensor: torch.Tensor, stream: FakeStream) -> None:
        cuda.mode.block(tensor).kept_for.add(stream.clock.number)

    return record_stream


@contextmanager
def _lists_copied() -> Iterator[None]:
    """``torch.tensor([...], device="cuda")`` is made on the host and copied, as on a card."""
    before = torch._C._only_lift_cpu_tensors()
    torch._C._set_only_lift_cpu_tensors(True)
    try:
        yield
    finally:
        torch._C._set_only_lift_cpu_tensors(before)


@contextmanager
def _parameters_replaced() -> Iterator[None]:
    """``Module.to`` makes new parameters: those on the host cannot become fake in place."""
    before = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)
