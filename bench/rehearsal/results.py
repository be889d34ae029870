"""What an operation returns for tensors of the card: shapes, strides and what they share memory with.

``FakeTensorMode`` finds it out, in a third of a millisecond; what it found for arguments alike is remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode


@dataclass(frozen=True, slots=True)
class _Output:
    """``like``: number of the argument that it is; ``memory``: of the argument that it shares memory with."""

    like: int | None
    memory: int | None
    shape: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    offset: int = 0
    dtype: torch.dtype = torch.float32


@dataclass(frozen=True, slots=True)
class _Recipe:
    kind: type | None
    outputs: tuple[_Output, ...]


def tensors(arguments: Any) -> Iterator[torch.Tensor]:
    """All tensors in lists of arguments, in order."""
    for each in arguments:
        if isinstance(each, torch.Tensor):
            yield each
        elif isinstance(each, list | tuple):
            yield from tensors(each)


def _signature(argument: Any) -> Any:
    if isinstance(argument, torch.Tensor):
        return argument.shape, argument.stride(), argument.dtype, argument.storage_offset(), type(argument)
    if isinstance(argument, list | tuple):
        return tuple(map(_signature, argument))
    return type(argument), argument


class Results:
    """See the module. ``device``: of all tensors made here. One for all cards: arguments alike come back."""

    def __init__(self, device: torch.device) -> None:
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        self._device = device
        self._known: dict[Any, _Recipe | None] = {}
        with self._fake:
            self._template = torch.empty(0, device=device).__dict__

    def of(self, func: Any, args: Any, kwargs: Any) -> Any:
        """The result of ``func``. Tensors of the host count for their shape. Raises what the real one would."""
        key = func, tuple(map(_signature, args)), tuple((name, _signature(each)) for name, each in kwargs.items())
        recipe = self._known.get(key)
        inputs = list(tensors((*args, *kwargs.values())))
        if recipe is None and key not in self._known:
            recipe = self._known[key] = self._found_out(func, args, kwargs, inputs)
        if recipe is not None:
            return self._follow(recipe, inputs)
        with self._fake:
            return func(*map(self._without_numbers, args), **kwargs)

    def _found_out(self, func: Any, args: Any, kwargs: Any, inputs: list[torch.Tensor]) -> _Recipe | None:
        """By torch's kernels for ``meta`` where that is sure to be the same; None where each call has to be seen."""
        if "convolution" in func.__name__ or "attn" in func.namespace or func.namespace == "prim":
            return None
        if not all(isinstance(each, FakeTensor) for each in inputs):
            return None
        plain = [_plain(each) for each in inputs]
        left = iter(plain)
        meta_args, meta_kwargs = _replaced(args, left), {name: _replaced(each, left) for name, each in kwargs.items()}
        try:
            result = func(*meta_args, **meta_kwargs)
        except NotImplementedError:
            return None
        if [(each.shape, each.stride()) for each in plain] != [(each.shape, each.stride()) for each in inputs]:
            return None
        if isinstance(result, torch.Tensor):
            return _Recipe(None, (_output(result, plain),))
        if isinstance(result, list | tuple) and all(isinstance(each, torch.Tensor) for each in result):
            return _Recipe(type(result), tuple(_output(each, plain) for each in result))
        return None

    def _without_numbers(self, argument: Any) -> Any:
        if isinstance(argument, torch.Tensor) and not isinstance(argument, FakeTensor):
            with self._fake:
                return torch.empty_strided(argument.shape, argument.stride(), dtype=argument.dtype)
        return argument

    def _follow(self, recipe: _Recipe, inputs: list[torch.Tensor]) -> Any:
        made = [self._make(output, inputs) for output in recipe.outputs]
        return made[0] if recipe.kind is None else recipe.kind(made)

    def _make(self, output: _Output, inputs: list[torch.Tensor]) -> torch.Tensor:
        if output.like is not None:
            return inputs[output.like]
        if output.memory is None:
            plain = torch.empty_strided(output.shape, output.stride, dtype=output.dtype, device="meta")
        elif (base := inputs[output.memory]).is_inference() == torch.is_inference_mode_enabled():
            plain = _view(output, base)
        else:  # a view is of the kind that its tensor is of
            with torch.inference_mode(base.is_inference()):
                plain = _view(output, base)
        made: torch.Tensor = torch.Tensor._make_subclass(
            FakeTensor, plain, False, dispatch_device=True, device_for_backend_keys=self._device
        )
        made.__dict__.update(self._template)
        return made


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """The same tensor on ``meta``."""
    with torch.no_grad(), torch.inference_mode(tensor.is_inference()):
        return torch.empty(0, dtype=tensor.dtype, device="meta").set_(
            tensor.untyped_storage(), tensor.storage_offset(), tensor.shape, tensor.stride()
        )


def _replaced(argument: Any, left: Iterator[torch.Tensor]) -> Any:
    """``argument`` with the next of ``left`` for each tensor in it, and ``meta`` for a device."""
    if isinstance(argument, torch.Tensor):
        return next(left)
    if isinstance(argument, list | tuple):
        return type(argument)(_replaced(each, left) for each in argument)
    return torch.device("meta") if isinstance(argument, torch.device) else argument


def _output(output: torch.Tensor, inputs: list[torch.Tensor]) -> _Output:
    storage = output.untyped_storage()._cdata
    like = memory = None
    for number, each in enumerate(inputs):
        if each is output:
            like = number
        if each.untyped_storage()._cdata == storage:
            memory = number
    return _Output(like, memory, tuple(output.shape), output.stride(), int(output.storage_offset()), output.dtype)


def _view(output: _Output, base: torch.Tensor) -> torch.Tensor:
    plain = torch.empty(0, dtype=output.dtype, device="meta")
    return plain.set_(base.untyped_storage(), output.offset, output.shape, output.stride)
