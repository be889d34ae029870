"""Every operation that torch dispatches while the card is played.

Tensors of the host stay what they are. Tensors of the card are torch's fake tensors: a shape, a dtype, a device and a
storage without numbers. Operations on them are run by ``FakeTensorMode``, which makes sure that they could run at all,
and are told to the memory and to the timeline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.rehearsal.card import PAGEABLE_AT_ONCE
from bench.rehearsal.memory import Block
from bench.rehearsal.results import Results, tensors
from bench.rehearsal.shadows import Shadows
from bench.rehearsal.stubs import FakeGenerator

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda

aten = torch.ops.aten

_SPELLED_OUT = {aten.logsumexp.default}
"""Made of other operations with temporaries between, though torch calls them operations of their own."""

_MOST_COMPARED = 1 << 20
_NUMBERS_NEEDED = {
    aten.nonzero.default,
    aten.masked_select.default,
    aten.repeat_interleave.Tensor,
    aten._unique2.default,
    aten.unique_consecutive.default,
    aten.unique_dim.default,
    aten.bincount.default,
}
"""The size of the result depends on numbers, so the host waits for them."""


@dataclass(frozen=True, slots=True)
class _Operation:
    """``written``: arguments that it writes to, by place and by name. ``view``: it only looks at the same memory."""

    name: str
    written: tuple[tuple[int, str], ...]
    view: bool
    idle: bool
    composite: bool


def _operation(func: Any) -> _Operation:
    schema = func._schema
    written = tuple(
        (place, argument.name)
        for place, argument in enumerate(schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )
    view = not written and any(each.alias_info is not None for each in schema.returns)
    composite = func.namespace != "prim" and (
        torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd")
    )
    name = func.__name__.split(".")[0]
    return _Operation(name, written, view, name.startswith("empty") or name in ("new_empty", "detach_"), composite)


@cache
def _results() -> Results:
    return Results(torch.device("cuda", 0))


class DeviceMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """See the module."""

    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cuda = cuda
        self._results = _results()
        self.shadows = Shadows()
        self.blocks: dict[int, Block] = {}
        self._watched: dict[int, Any] = {}
        self._operations: dict[Any, _Operation] = {}
        self._pinned: dict[int, Any] = {}
        self._coming: dict[int, int] = {}
        self._handlers: dict[Any, Callable[..., Any]] = {
            aten._to_copy.default: self._to_copy,
            aten.copy_.default: self._copy,
            aten._local_scalar_dense.default: lambda tensor: self.download(tensor, ".item()").item(),
            aten.equal.default: self._equal,
            aten.is_pinned.default: lambda tensor, device=None: self.is_pinned(tensor),
            aten._pin_memory.default: lambda tensor, device=None: self._pin(tensor.clone()),
            aten.scaled_dot_product_attention.default: self._attention,
            aten.index.Tensor: self._index,
            aten.index_put_.default: self._index_put,
        }
        self.kernels: dict[Any, Callable[..., None]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # nothing is compiled here, and to keep the compiler out costs more than the rest

    # ------------------------------------------------------------------------------------------------- dispatch

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        operation = self._operations.get(func)
        if operation is None:
            operation = self._operations[func] = _operation(func)
        if func in self._handlers and self._concerns(args, kwargs):
            return self._handlers[func](*args, **kwargs)
        if operation.composite:
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if not self._concerns(args, kwargs):
            return self._on_host(func, args, kwargs)
        if func in _SPELLED_OUT:
            with self:
                return func._op_dk(torch._C.DispatchKey.CompositeExplicitAutograd, *args, **kwargs)
        if func in _NUMBERS_NEEDED:
            return self._sized_by_numbers(func, args, kwargs)
        return self._on_device(func, operation, args, kwargs)

    def _concerns(self, args: Any, kwargs: Any) -> bool:
        """Whether the card has to do with it."""
        device = kwargs.get("device")
        if device is not None and torch.device(device).type == "cuda":
            return True
        if kwargs.get("pin_memory"):
            return False
        return any(isinstance(each, FakeTensor) for each in tensors((*args, *kwargs.values())))

    def _on_host(self, func: Any, args: Any, kwargs: Any) -> Any:
        if func is aten.is_pinned.default:
            return self.is_pinned(args[0])
        if func is aten._pin_memory.default:
            return self._pin(args[0].clone())
        if self._coming:
            for tensor in tensors((*args, *kwargs.values())):
                self.check_arrived(tensor)
        if kwargs.get("pin_memory"):
            return self._pin(func(*args, **{**kwargs, "pin_memory": False}))
        generator = kwargs.get("generator")
        if generator is not None and FakeGenerator.on_card(generator):
            raise RuntimeError("Expected a 'cpu' device type for generator but found 'cuda'")
        return func(*args, **kwargs)

    def _on_device(self, func: Any, operation: _Operation, args: Any, kwargs: Any) -> Any:
        generator = kwargs.get("generator")
        if generator is not None:
            if not FakeGenerator.on_card(generator):
                raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
            kwargs = {**kwargs, "generator": None}
        result = self._results.of(func, args, kwargs)
        if operation.view or func.namespace == "prim":
            return result
        inputs = [each for each in tensors((*args, *kwargs.values())) if isinstance(each, FakeTensor)]
        outputs = [each for each in tensors((result,)) if isinstance(each, FakeTensor)]
        if func in self.kernels:
            self.kernels[func](*args, **kwargs)
        self.account(operation.name, inputs, self._written(operation, args, kwargs), outputs, idle=operation.idle)
        self._shadow(func, operation, args, kwargs, result, outputs)
        return result

    def _written(self, operation: _Operation, args: Any, kwargs: Any) -> list[torch.Tensor]:
        found = [args[place] if place < len(args) else kwargs.get(name) for place, name in operation.written]
        return [each for each in tensors(found) if isinstance(each, FakeTensor)]

    def _empty(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        kwargs = {"dtype": dtype, "device": torch.device("cuda", 0)}
        made: torch.Tensor = self._results.of(aten.empty.memory_format, (list(shape),), kwargs)
        return made

    # ------------------------------------------------------------------------------------------ memory and time

    def account(
        self,
        name: str,
        inputs: Sequence[torch.Tensor],
        written: Sequence[torch.Tensor],
        outputs: Sequence[torch.Tensor],
        *,
        idle: bool = False,
    ) -> None:
        """Tell memory and timeline of an operation. ``idle``: it allocates and launches nothing."""
        new: dict[int, torch.Tensor] = {}
        for tensor in outputs:
            key = tensor.untyped_storage()._cdata
            if key not in self.blocks:
                new[key] = tensor
        if new:
            self._allocate(new, name)
        elif not written:
            return
        if not idle:
            changed = [self.block(each) for each in written] + [self.blocks[key] for key in new]
            self._cuda.launch(name, [self.block(each) for each in inputs], changed)

    def _allocate(self, tensors: dict[int, torch.Tensor], name: str) -> None:
        sizes = [each.untyped_storage().nbytes() for each in tensors.values()]
        for (key, tensor), block in zip(tensors.items(), self._cuda.allocate(sizes, name), strict=True):
            self.blocks[key] = block
            self._watched[key] = ref(tensor.untyped_storage(), partial(self._freed, key))
            self.shadows.begin(tensor)

    def _freed(self, key: int, _reference: object) -> None:
        del self._watched[key]
        self.shadows.forget(key)
        self._cuda.free(self.blocks.pop(key))

    def block(self, tensor: torch.Tensor) -> Block:
        """Memory of a tensor; of one that came to be unseen it is allocated now."""
        key = tensor.untyped_storage()._cdata
        if key not in self.blocks:
            self._allocate({key: tensor}, "a tensor")
        return self.blocks[key]

    def _shadow(
        self, func: Any, operation: _Operation, args: Any, kwargs: Any, result: Any, outputs: Sequence[torch.Tensor]
    ) -> None:
        """Compute the numbers as well where all of them are known."""
        if operation.idle or not any(self.shadows.of(each) is not None for each in outputs):
            return
        known, arguments = self.shadows.known(list(args))
        named_known, named = self.shadows.known(list(kwargs.values()))
        if known and named_known and operation.name not in ("rand", "randn", "normal_", "uniform_", "exponential_"):
            numbers = func(*arguments, **dict(zip(kwargs, named, strict=True)))
            if not operation.written:
                for tensor, number in zip(tensors((result,)), tensors((numbers,)), strict=True):
                    self.shadows.write(tensor, number)
        else:
            for tensor in outputs:
                self.shadows.write(tensor, None)

    # ---------------------------------------------------------------------------------------------------- pinned

    def _pin(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        key = storage._cdata
        self._pinned[key] = ref(storage, lambda _: self._pinned.pop(key, None))
        return tensor

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._pinned

    def check_arrived(self, tensor: torch.Tensor) -> None:
        """Report a look at memory of the host that a copy may not have reached yet."""
        if not isinstance(tensor, FakeTensor) and self._coming.get(tensor.untyped_storage()._cdata):
            self._cuda.faults.report("the host looks at what a copy may not have brought yet")

    # ---------------------------------------------------------------------------------------------------- copies

    def _to_copy(self, tensor: torch.Tensor, **kwargs: Any) -> Any:
        device = torch.device(kwargs.get("device") or tensor.device)
        blocking = not kwargs.get("non_blocking", False)
        if device.type == "cpu":
            made = torch.empty(tensor.shape, dtype=kwargs.get("dtype") or tensor.dtype)
            self._bring(tensor, made if blocking else self._pin(made), blocking=blocking)
            return made
        result = self._results.of(aten._to_copy.default, (tensor,), kwargs)
        inputs = [tensor] if isinstance(tensor, FakeTensor) else []
        self.account("_to_copy", inputs, [], [result])
        self._send(tensor, result, blocking=blocking)
        return result

    def _copy(self, target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
        if not isinstance(target, FakeTensor):
            self._bring(source, target, blocking=not non_blocking)
            return target
        self._results.of(aten.copy_.default, (target, source), {})
        self.account("copy_", [source] if isinstance(source, FakeTensor) else [], [target], [target])
        self._send(source, target, blocking=not non_blocking)
        return target

    def _send(self, source: torch.Tensor, target: torch.Tensor, *, blocking: bool) -> None:
        """What a copy to the card means beside the launch, which is counted already."""
        if isinstance(source, FakeTensor):
            self.shadows.write(target, self.shadows.of(source))
            return
        self._cuda.counts.uploads += 1
        self.check_arrived(source)
        self.shadows.write(target, source)
        pinned = self.is_pinned(source)
        if blocking or (not pinned and source.nbytes > PAGEABLE_AT_ONCE):
            self._cuda.wait("a copy to the card")
        elif pinned and source.nbytes <= _MOST_COMPARED:
            before = source.clone()
            self._cuda.when_done(lambda: self._check_unchanged(source, before))

    def _check_unchanged(self, source: torch.Tensor, before: torch.Tensor) -> None:
        if not torch.equal(source, before):
            self._cuda.faults.report("the host wrote over what a copy to the card may not have read yet")

    def _bring(self, source: torch.Tensor, target: torch.Tensor, *, blocking: bool) -> None:
        """Numbers of the card into memory of the host."""
        self._cuda.launch("a copy to the host", [self.block(source)], [])
        numbers = self._read(source)
        if blocking or not self.is_pinned(target):
            self._cuda.wait("a copy to the host")
            target.copy_(numbers)
            return
        key = target.untyped_storage()._cdata
        self._coming[key] = self._coming.get(key, 0) + 1

        def arrive() -> None:
            self._coming[key] -= 1
            if not self._coming[key]:
                del self._coming[key]
            target.copy_(numbers)

        target.view(torch.uint8).fill_(0x5A) if target.is_contiguous() else None
        self._cuda.when_done(arrive)

    def download(self, tensor: torch.Tensor, why: str) -> torch.Tensor:
        """What the host reads of ``tensor`` after having waited for it."""
        self._cuda.launch("a copy to the host", [self.block(tensor)], [])
        self._cuda.wait(why)
        return self._read(tensor)

    def _read(self, tensor: torch.Tensor) -> torch.Tensor:
        known = self.shadows.of(tensor)
        return self._cuda.answer(tensor) if known is None else known.clone()

    def _equal(self, one: torch.Tensor, other: torch.Tensor) -> bool:
        self.download(one if isinstance(one, FakeTensor) else other, "equal")
        return True

    # -------------------------------------------------------------------------------------- what numbers decide

    def _sized_by_numbers(self, func: Any, args: Any, kwargs: Any) -> Any:
        """Run where the result's size depends on numbers: the host waits, and the numbers have to be known."""
        self._cuda.wait(func.__name__.split(".")[0])
        known, arguments = self.shadows.known(list(args))
        if not known:
            raise RuntimeError(f"{func} depends on numbers that only the card would know")
        numbers = func(*arguments, **kwargs)
        return self._uploaded(numbers)

    def _uploaded(self, numbers: Any) -> Any:
        if isinstance(numbers, torch.Tensor):
            made = self._empty(numbers.shape, numbers.dtype)
            self.account("numbers", [], [], [made])
            self.shadows.write(made, numbers)
            return made
        return type(numbers)(self._uploaded(each) for each in numbers)

    def _index(self, tensor: torch.Tensor, indices: list[torch.Tensor | None]) -> Any:
        operation = self._operations[aten.index.Tensor]
        return self._on_device(aten.index.Tensor, operation, (tensor, self._places(tensor, indices)), {})

    def _index_put(
        self, tensor: torch.Tensor, indices: list[torch.Tensor | None], values: torch.Tensor, accumulate: bool = False
    ) -> Any:
        operation = self._operations[aten.index_put_.default]
        arguments = (tensor, self._places(tensor, indices), values, accumulate)
        return self._on_device(aten.index_put_.default, operation, arguments, {})

    def _places(self, tensor: torch.Tensor, indices: list[torch.Tensor | None]) -> list[torch.Tensor | None]:
        """Indices on the card, and numbers instead of truth values, for each of which the host waits."""
        if not isinstance(tensor, FakeTensor):
            return [self.download(each, "an index") if isinstance(each, FakeTensor) else each for each in indices]
        found: list[torch.Tensor | None] = []
        for index in indices:
            if index is not None and not isinstance(index, FakeTensor):
                with self:
                    index = index.to("cuda")
            if index is not None and index.dtype in (torch.bool, torch.uint8):
                with self:
                    found += index.nonzero().unbind(1)
            else:
                found.append(index)
        return found

    # ------------------------------------------------------------------------------------------------- attention

    def _attention(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """As the memory-efficient kernel does it, which takes any mask: the mask in the query's dtype, one launch."""
        self._cuda.check_alike("scaled_dot_product_attention", query, key, value)
        made = self._empty((*query.shape[:-1], value.shape[-1]), query.dtype)
        sums = self._empty(query.shape[:-1], torch.float32)
        if attn_mask is not None:
            mask = self._empty(attn_mask.shape, query.dtype)
            self.account("mask", [attn_mask], [], [mask])
        self.account("scaled_dot_product_attention", [query, key, value], [], [made, sums])
        return made
