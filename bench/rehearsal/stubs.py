"""The names of ``torch.cuda`` that a runner uses, for the card that is played; what they check is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar
from unittest.mock import patch

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.cuda._utils import _get_device_index

from bench.rehearsal.device_guard import device_guard
from bench.rehearsal.streams import FakeStream, entered, recorded
from model.memory import host_table

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda


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
        stack.enter_context(patch.object(host_table, "_visible", lambda rows, _device: cuda.mode.seen(rows)))
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
        "stream": lambda stream: entered(cuda, stream),
        "graph": lambda graph, *args, **kwargs: recorded(cuda, graph, *args, **kwargs),
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
            return plain(cuda.mode.copies.download(tensor, ".tolist()"))
        cuda.mode.copies.check_arrived(tensor)
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
