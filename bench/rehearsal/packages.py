"""Stand-ins for packages that come with a card: ``triton``, and ``flash_attn`` where it is asked for.

A Triton kernel is not run. Its launch is checked (tensors of the card without gaps, a grid that exists), what it writes
to is read from its source, and every set of arguments that Triton would compile anew is counted.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch
from torch._subclasses.fake_tensor import FakeTensor

from bench.rehearsal.contracts import Rows, check_paged
from bench.rehearsal.four_bits import four_bits
from model.device import triton_trial

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda

_USERS = ("model.decoder.attention.triton_kernel", "model.encoder.depthwise_kernel", "model.decoder.attention.flash")
"""Modules that import them: made anew inside, and what they were before is put back."""

_GRID = (2**31 - 1, 65_535, 65_535)
_STORES = re.compile(r"tl\.(?:store|atomic_\w+)\(\s*(\w+)")


class _Kernel:
    """What ``triton.jit`` makes of a function."""

    def __init__(
        self, cuda: FakeCuda, function: Callable[..., Any], plain: Sequence[str | int], unaligned: Sequence[str | int]
    ) -> None:
        self._cuda, self._name = cuda, function.__name__
        self._parameters = list(inspect.signature(function).parameters.values())
        names = [each.name for each in self._parameters]
        self._plain, self._unaligned = (
            {names[n] if isinstance(n, int) else n for n in each} for each in (plain, unaligned)
        )
        self._stores = set(_STORES.findall(inspect.getsource(function)))
        self._compiled: set[Any] = set()

    def __getitem__(self, grid: Any) -> Callable[..., None]:
        def launch(*args: Any, **options: Any) -> None:
            given, others = self._given(args, options)
            self._launch(grid(given) if callable(grid) else grid, given, others)

        return launch

    def warmup(self, *args: Any, grid: Any, **options: Any) -> None:
        """Compile for arguments, of tensors the dtype, and launch nothing."""
        self._compile(*self._given(args, options))

    def _given(self, args: Sequence[Any], options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Arguments by name, and what is meant for the compiler."""
        names = [each.name for each in self._parameters]
        given = dict(zip(names, args, strict=False)) | {name: options[name] for name in names if name in options}
        if missing := [name for name in names if name not in given]:
            raise TypeError(f"{self._name}: missing arguments {missing}")
        return given, {name: value for name, value in options.items() if name not in given}

    def _compile(self, given: dict[str, Any], options: dict[str, Any]) -> None:
        """Unless that was done before for arguments alike."""
        specialised = (self._specialised(each, given[each.name]) for each in self._parameters)
        key = tuple(sorted(options.items())), *specialised
        if key not in self._compiled:
            self._compiled.add(key)
            self._cuda.counts.compiled[self._name] += 1

    def _launch(self, grid: tuple[int, ...], given: dict[str, Any], options: dict[str, Any]) -> None:
        report = self._cuda.faults.report
        self._compile(given, options)
        if any(not 0 < size <= most for size, most in zip(grid, _GRID, strict=False)):
            report(f"{self._name}: grid {grid}")
        tensors = {name: each for name, each in given.items() if isinstance(each, torch.Tensor)}
        for name, tensor in tensors.items():
            if not isinstance(tensor, FakeTensor) or not tensor.is_contiguous():
                report(f"{self._name}: {name} on {tensor.device} with strides {tensor.stride()}")
        blocks = {name: self._cuda.mode.block(each) for name, each in tensors.items()}
        written = [block for name, block in blocks.items() if name in self._stores]
        for name in self._stores & set(tensors):
            self._cuda.mode.shadows.write(tensors[name], None)
        self._cuda.launch(self._name, list(blocks.values()), written)

    def _specialised(self, parameter: inspect.Parameter, value: Any) -> Any:
        """What of an argument Triton compiles into the kernel."""
        name = parameter.name
        if str(parameter.annotation).endswith("constexpr"):
            return value
        if isinstance(value, torch.dtype):
            return value, None if name in self._plain or name in self._unaligned else True
        if isinstance(value, torch.Tensor):
            aligned = value.storage_offset() * value.itemsize % 16 == 0
            return value.dtype, None if name in self._plain or name in self._unaligned else aligned
        if isinstance(value, int) and not isinstance(value, bool):
            wide = not -(2**31) <= value < 2**31
            if name in self._plain:
                return wide
            return wide, value == 1, None if name in self._unaligned else value % 16 == 0
        return type(value)


def _triton(cuda: FakeCuda) -> dict[str, ModuleType]:
    triton, language = _module("triton", package=True), _module("triton.language")

    def jit(
        function: Any = None,
        *,
        do_not_specialize: Sequence[str | int] = (),
        do_not_specialize_on_alignment: Sequence[str | int] = (),
        **_: Any,
    ) -> Any:
        def made(each: Callable[..., Any]) -> _Kernel:
            return _Kernel(cuda, each, do_not_specialize, do_not_specialize_on_alignment)

        return made if function is None else made(function)

    vars(triton).update(
        jit=jit, cdiv=lambda a, b: -(-a // b), next_power_of_2=lambda n: 1 << (n - 1).bit_length(), language=language
    )
    vars(language).update(constexpr=object())
    return {"triton": triton, "triton.language": language}


def _flash_attn(cuda: FakeCuda) -> dict[str, ModuleType]:
    flash = _module("flash_attn", package=True)

    def attended(query: torch.Tensor, *inputs: torch.Tensor | None) -> torch.Tensor:
        made = torch.empty_like(query)
        blocks = [cuda.mode.block(each) for each in (query, *inputs) if each is not None]
        cuda.launch("flash_attn", blocks, [cuda.mode.block(made)])
        return made

    def flash_attn_varlen_func(
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        cu_seqlens_q: torch.Tensor,
        cu_seqlens_k: torch.Tensor,
        max_seqlen_q: int,
        max_seqlen_k: int,
        softmax_scale: float | None = None,
        causal: bool = False,
        block_table: torch.Tensor | None = None,
    ) -> torch.Tensor:
        assert block_table is not None, "the server attends to pages"
        rows = Rows("flash_attn_varlen_func", len(q), len(k), k.shape[1], max_seqlen_q, max_seqlen_k)
        _causal(cuda, causal, max_seqlen_q)
        lengths = cu_seqlens_k[1:] - cu_seqlens_k[:-1]
        check_paged(cuda, rows, q, k, v, cu_seqlens_q, cu_seqlens_k, lengths, block_table)
        return attended(q, k, v, cu_seqlens_q, cu_seqlens_k, block_table)

    def flash_attn_with_kvcache(
        q: torch.Tensor,
        k_cache: torch.Tensor,
        v_cache: torch.Tensor,
        cache_seqlens: torch.Tensor | None = None,
        block_table: torch.Tensor | None = None,
        softmax_scale: float | None = None,
        causal: bool = False,
        num_splits: int = 0,
    ) -> torch.Tensor:
        assert cache_seqlens is not None, "the server attends to rows of their own lengths"
        assert block_table is not None, "the server attends to pages"
        rows = Rows("flash_attn_with_kvcache", len(q), len(k_cache), k_cache.shape[1], q.shape[1], None)
        _causal(cuda, causal, q.shape[1])
        check_paged(cuda, rows, q, k_cache, v_cache, None, None, cache_seqlens, block_table)
        return attended(q, k_cache, v_cache, cache_seqlens, block_table)

    vars(flash).update(flash_attn_varlen_func=flash_attn_varlen_func, flash_attn_with_kvcache=flash_attn_with_kvcache)
    return {"flash_attn": flash}


def _causal(cuda: FakeCuda, causal: bool, widest: int) -> None:
    if not causal and widest > 1:
        cuda.faults.report(f"flash_attn is not causal for rows of {widest} queries")


def _module(name: str, *, package: bool = False) -> ModuleType:
    made = ModuleType(name)
    made.__spec__ = ModuleSpec(name, None, is_package=package)
    if package:
        made.__path__ = []
    return made


@contextmanager
def packages(made: dict[str, ModuleType]) -> Iterator[None]:
    """Importable, inside. Modules that import them are kept in ``made`` for the next time."""
    names = [*dict.fromkeys([*made, *_USERS])]
    before = {name: sys.modules.pop(name, None) for name in names}
    sys.modules.update(made)
    triton_trial.obstacle.cache_clear()
    try:
        yield
    finally:
        triton_trial.obstacle.cache_clear()
        for name, module in before.items():
            if (inside := sys.modules.pop(name, None)) is not None:
                made[name] = inside
            if module is not None:
                sys.modules[name] = module
            _tell_parent(name, module)


def _tell_parent(name: str, module: ModuleType | None) -> None:
    """``from package import module`` looks at the package first, which remembers what was imported last."""
    parent, _, child = name.rpartition(".")
    if (package := sys.modules.get(parent)) is None:
        return
    if module is not None:
        setattr(package, child, module)
    elif hasattr(package, child):
        delattr(package, child)


def stand_in_packages(cuda: FakeCuda, *, flash: bool) -> dict[str, ModuleType]:
    """By name. ``flash``: the flash-attn package is there too."""
    bitsandbytes = _module("bitsandbytes")
    vars(bitsandbytes).update(nn=four_bits(cuda))
    return {"bitsandbytes": bitsandbytes} | _triton(cuda) | (_flash_attn(cuda) if flash else {})
