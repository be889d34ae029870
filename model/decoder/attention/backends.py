"""Which attention backend runs here: the best by default, or the one asked for, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import torch

from model.decoder.attention.packed import Kernel, PagedRows
from model.decoder.attention.sdpa import SdpaRows
from model.decoder.attention.seam import Rows
from model.decoder.kv_cache import PagePool, PageTable
from model.device import triton_trial
from model.errors import AttentionError
from model.seam.runner import AttentionName

_FLASH_PAGE = 256
"""FlashAttention 2 wants pages of a multiple of this many positions."""


@dataclass(frozen=True, slots=True)
class Backend:
    """An attention backend. ``kernel``: None where rows are put into rectangles for SDPA."""

    name: str
    kernel: Kernel | None = None

    def rows(self, pool: PagePool, rows: list[tuple[PageTable, int]]) -> Rows:
        """The plan of a step: page table and new positions of each row, already extended by them, in packed order."""
        return SdpaRows(pool, rows) if self.kernel is None else PagedRows.of(pool, self.kernel, rows)


SDPA = Backend("sdpa")


@dataclass(frozen=True, slots=True)
class Place:
    """Where attention is to run."""

    device: torch.device
    dtype: torch.dtype
    head_dim: int
    page_size: int


def choose_backend(name: AttentionName, place: Place, *, deterministic: bool = False) -> Backend:
    """The backend called ``name``; ``auto`` takes the first that runs of flash, varlen, triton and sdpa.

    ``deterministic``: one whose sums depend on a query's own position alone; see ``model.deterministic``.
    Raises AttentionError when it cannot run at ``place``.
    """
    if deterministic:
        return _fixed_order(name, place)
    if name == "auto":
        return next((_load(each) for each, obstacle in _OBSTACLES.items() if obstacle(place) is None), SDPA)
    if name == "sdpa":
        return SDPA
    if name not in _OBSTACLES:
        raise AttentionError(f"There is no attention backend {name!r}; use auto, sdpa, {', '.join(_OBSTACLES)}.")
    if reason := _OBSTACLES[name](place):
        raise AttentionError(f"Attention backend {name!r} cannot run here: {reason}. Use auto or sdpa.")
    return _load(name)


def _fixed_order(name: AttentionName, place: Place) -> Backend:
    cuda = place.device.type == "cuda"
    if name not in ("auto", "triton") or (name == "triton" and not cuda):
        raise AttentionError(f"Attention backend {name!r} cannot be deterministic here. Use auto.")
    if not cuda:
        from model.decoder.attention import blocks

        return Backend("blocks", blocks.attend)
    if reason := _no_triton(place):
        raise AttentionError(f"Deterministic answers need attention in Triton, which cannot run here: {reason}.")
    from model.decoder.attention import triton_kernel

    return Backend("triton", triton_kernel.attend_fixed)


def _load(name: str) -> Backend:
    module = import_module("model.decoder.attention." + _MODULES[name])
    return Backend(name, cast(Kernel, module.attend))


def _no_flash(place: Place) -> str | None:
    if reason := _no_flash_attention_2(place):
        return reason
    return None if find_spec("flash_attn") else "the package flash-attn is not installed"


def _no_varlen(place: Place) -> str | None:
    if reason := _no_flash_attention_2(place):
        return reason
    from model.decoder.attention import varlen

    return None if varlen.PAGED else f"torch {torch.__version__} has no page tables in varlen_attn, 2.12 has"


def _no_flash_attention_2(place: Place) -> str | None:
    if place.device.type != "cuda":
        return f"it needs a CUDA device, not {place.device.type}"
    if torch.cuda.get_device_capability(place.device) < (8, 0):
        return "it needs a GPU of compute capability 8.0 or newer"
    if place.dtype not in (torch.bfloat16, torch.float16):
        return "it needs bfloat16 or float16"
    if place.head_dim > 256 or place.head_dim % 8:
        return f"it cannot take a head width of {place.head_dim}"
    if place.page_size % _FLASH_PAGE:
        return f"it needs pages of a multiple of {_FLASH_PAGE} positions, not {place.page_size}"
    return None


def _no_triton(place: Place) -> str | None:
    if place.device.type == "cuda" and (place.head_dim < 16 or place.head_dim & (place.head_dim - 1)):
        return f"it needs a head width that is a power of two and 16 or more, not {place.head_dim}"
    return triton_trial.obstacle(place.device)


_OBSTACLES: dict[str, Callable[[Place], str | None]] = {"flash": _no_flash, "varlen": _no_varlen, "triton": _no_triton}
_MODULES = {"flash": "flash", "varlen": "varlen", "triton": "triton_kernel"}
