"""Every operation that torch dispatches while the card is played.

Tensors of the host stay what they are. Tensors of the card are torch's fake tensors: a shape, a dtype, a device and a
storage without numbers. Operations on them are run by ``FakeTensorMode``, which makes sure that they could run at all,
and are told to the memory and to the timeline.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from weakref import ref

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.rehearsal.copies import Copies
from bench.rehearsal.memory import Block
from bench.rehearsal.operations import Operation, operation_of
from bench.rehearsal.results import Results, tensors
from bench.rehearsal.shadows import Shadows
from bench.rehearsal.stubs import FakeGenerator

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda

aten = torch.ops.aten

_SPELLED_OUT = {aten.logsumexp.default}
"""Made of other operations with temporaries between, though torch calls them operations of their own."""

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


@cache
def _results() -> Results:
    return Results(torch.device("cuda", 0))


class DeviceMode(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """See the module."""

    def __init__(self, cuda: FakeCuda) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._cuda = cuda
        self.results = _results()
        self.shadows = Shadows()
        self.blocks: dict[int, Block] = {}
        self._watched: dict[int, Any] = {}
        self._operations: dict[Any, Operation] = {}
        self.copies = copies = Copies(cuda, self)
        self._handlers: dict[Any, Callable[..., Any]] = {
            aten._to_copy.default: copies.to_copy,
            aten.copy_.default: copies.copy,
            aten._local_scalar_dense.default: lambda tensor: copies.download(tensor, ".item()").item(),
            aten.equal.default: copies.equal,
            aten.is_pinned.default: copies.is_pinned,
            aten._pin_memory.default: lambda tensor, device=None: copies.pin(tensor.clone()),
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
            operation = self._operations[func] = operation_of(func)
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
            return self.copies.is_pinned(args[0])
        if func is aten._pin_memory.default:
            return self.copies.pin(args[0].clone())
        for tensor in tensors((*args, *kwargs.values())):
            self.copies.check_arrived(tensor)
        if kwargs.get("pin_memory"):
            return self.copies.pin(func(*args, **{**kwargs, "pin_memory": False}))
        generator = kwargs.get("generator")
        if generator is not None and FakeGenerator.on_card(generator):
            raise RuntimeError("Expected a 'cpu' device type for generator but found 'cuda'")
        return func(*args, **kwargs)

    def _on_device(self, func: Any, operation: Operation, args: Any, kwargs: Any) -> Any:
        generator = kwargs.get("generator")
        if generator is not None:
            if not FakeGenerator.on_card(generator):
                raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
            kwargs = {**kwargs, "generator": None}
        result = self.results.of(func, args, kwargs)
        if operation.view or func.namespace == "prim":
            return result
        inputs = [each for each in tensors((*args, *kwargs.values())) if isinstance(each, FakeTensor)]
        outputs = [each for each in tensors((result,)) if isinstance(each, FakeTensor)]
        if func in self.kernels:
            self.kernels[func](*args, **kwargs)
        self.account(operation.name, inputs, self._written(operation, args, kwargs), outputs, idle=operation.idle)
        self._shadow(func, operation, args, kwargs, result, outputs)
        return result

    def _written(self, operation: Operation, args: Any, kwargs: Any) -> list[torch.Tensor]:
        found = [args[place] if place < len(args) else kwargs.get(name) for place, name in operation.written]
        return [each for each in tensors(found) if isinstance(each, FakeTensor)]

    def _empty(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        kwargs = {"dtype": dtype, "device": torch.device("cuda", 0)}
        made: torch.Tensor = self.results.of(aten.empty.memory_format, (list(shape),), kwargs)
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

    def _allocate(self, tensors: dict[int, torch.Tensor], name: str, sizes: list[int] | None = None) -> None:
        sizes = sizes or [each.untyped_storage().nbytes() for each in tensors.values()]
        for (key, tensor), block in zip(tensors.items(), self._cuda.allocate(sizes, name), strict=True):
            self.blocks[key] = block
            self._watched[key] = ref(tensor.untyped_storage(), partial(self._freed, key))
            self.shadows.begin(tensor)

    def _freed(self, key: int, _reference: object) -> None:
        del self._watched[key]
        self.shadows.forget(key)
        self._cuda.free(self.blocks.pop(key))

    def seen(self, host: torch.Tensor) -> torch.Tensor:
        """Pinned memory of the host as the card reads it through the bus: it takes none of the card's."""
        made = self._empty(host.shape, host.dtype)
        self._allocate({made.untyped_storage()._cdata: made}, "seen", sizes=[0])
        return made

    def block(self, tensor: torch.Tensor) -> Block:
        """Memory of a tensor; of one that came to be unseen it is allocated now."""
        key = tensor.untyped_storage()._cdata
        if key not in self.blocks:
            self._allocate({key: tensor}, "a tensor")
        return self.blocks[key]

    def _shadow(
        self, func: Any, operation: Operation, args: Any, kwargs: Any, result: Any, outputs: Sequence[torch.Tensor]
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
            return [
                self.copies.download(each, "an index") if isinstance(each, FakeTensor) else each for each in indices
            ]
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
