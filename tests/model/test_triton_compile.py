"""What Triton's compiler makes of our kernels, on a machine without a GPU: it is told that there is one.

Every variant of a kernel is compiled when it is first launched, for seconds in which nobody is answered. So there are
few of them, and the same ones whatever the rows of a step are.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from model.decoder.attention import RowBlock
from model.decoder.graphs import SIZES
from model.decoder.kv_cache import PagePool

triton: Any = pytest.importorskip("triton")

HEADS, KV_HEADS, DIM, PAGE = 28, 4, 128, 256
"""Of the real checkpoint."""

PAGES = 512


class Variants:
    """Every variant that was asked for: the name of the kernel and Triton's key for it. Nothing is compiled."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, *, fn: Any, key: Any, **_: Any) -> bool:
        self.seen.add((fn.name, str(key)))
        return True


@pytest.fixture(params=[80])
def device(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Triton believes that a GPU of this compute capability is there."""
    driver = SimpleNamespace(
        get_current_target=lambda: triton.backends.compiler.GPUTarget("cuda", request.param, 32),
        get_current_device=lambda: 0,
        get_current_stream=lambda _: 0,
    )
    monkeypatch.setattr(triton.runtime.driver, "_active", driver)


@pytest.fixture(autouse=True)
def _nothing_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    from model.decoder.attention import triton_kernel
    from model.encoder import depthwise_kernel

    triton_kernel._compile_ahead.cache_clear()
    for kernel in (triton_kernel._attend_tiles, triton_kernel._join_splits, depthwise_kernel._mix):
        kernel.device_caches.clear()


@pytest.fixture
def variants(device: None, monkeypatch: pytest.MonkeyPatch) -> Variants:
    seen = Variants()
    monkeypatch.setattr(triton.knobs.runtime, "jit_cache_hook", seen)
    return seen


@pytest.fixture(scope="module")
def pool() -> PagePool:
    """Of two pages: nothing is read."""
    return PagePool(
        layers=1,
        pages=0,
        page_size=PAGE,
        kv_heads=KV_HEADS,
        head_dim=DIM,
        dtype=torch.bfloat16,
        device=torch.device("cpu"),
    )


def attend(pool: PagePool, *, positions: int, rows: int, pages: int, widest: int) -> None:
    from model.decoder.attention import triton_kernel

    block = RowBlock(positions=positions, rows=rows, pages=pages, widest=widest, pool=pool)
    query = torch.empty(positions, HEADS, DIM, dtype=torch.bfloat16)
    paged = (-1, PAGE, KV_HEADS, DIM)
    triton_kernel.attend(query, pool.keys[0].view(paged), pool.values[0].view(paged), block.packed, 0.1)


def test_attention_is_compiled_before_anybody_is_served(variants: Variants, pool: PagePool) -> None:
    for size, single in product(SIZES, (True, False)):
        attend(pool, positions=size, rows=size, pages=PAGES, widest=1 if single else size)
    recorded = set(variants.seen)
    assert len(recorded) <= 12
    some = (1, 2, 3, 5, 8, 13, 16, 17, 32)
    for rows, widest, pages in product(some, some, (1, 2, 3, 7, 16, 100, 511)):
        attend(pool, positions=rows * widest, rows=rows, pages=pages, widest=widest)
    for positions, rows, pages in product((33, 100, 257, 1023, 1024, 1500, 2048), some, (1, 5, 16, 511)):
        attend(pool, positions=positions, rows=rows, pages=pages, widest=max(33, positions - rows + 1))
    assert variants.seen == recorded


def test_the_first_call_compiles_for_all(variants: Variants, pool: PagePool) -> None:
    """Also where no steps are recorded."""
    attend(pool, positions=1, rows=1, pages=1, widest=1)
    compiled = set(variants.seen)
    attend(pool, positions=32, rows=32, pages=3, widest=1)
    attend(pool, positions=200, rows=7, pages=511, widest=100)
    attend(pool, positions=2048, rows=2, pages=9, widest=2000)
    assert variants.seen == compiled


def test_the_encoders_need_one_variant(variants: Variants) -> None:
    """The numbers that differ are multiples of 16, which the kernel reads faster for knowing."""
    from model.encoder.depthwise_kernel import mix

    for stage, rate in enumerate((3200, 1600, 800, 200, 40, 8, 1)):
        channels = 32 << stage
        taps, bias = torch.empty(7, channels), torch.empty(channels)
        for rows, frames in ((1, 1), (1, 15), (16, 4), (3, 7)):
            hidden = torch.empty(rows, frames * rate, channels, dtype=torch.bfloat16)
            joined = torch.empty(rows, frames * rate + 6, channels, dtype=torch.bfloat16)
            mix(hidden, joined, taps, bias)
    assert len(variants.seen) == 1


@pytest.mark.parametrize("device", [80, 90], indirect=True)
def test_kernels_compile(device: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """To machine code, which the interpreter of the other tests says nothing about."""
    from model.decoder.attention import triton_kernel
    from model.encoder.depthwise_kernel import _mix

    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path))
    bf16, int32 = torch.bfloat16, torch.int32
    mixing = _mix.warmup(bf16, bf16, torch.float32, torch.float32, bf16, 16, 16, KERNEL=7, BLOCK=1024, grid=(1,))
    constants = triton_kernel._constants(bf16, HEADS, KV_HEADS, DIM, PAGE, 64, 1, True)
    attending = triton_kernel._attend_tiles.warmup(
        *[bf16] * 4, *[torch.float32] * 3, *[int32] * 3, 2, 2, 2, 2, 1.0, grid=(1,), **constants
    )
    for kernel in (mixing, attending):
        assert kernel.asm["cubin"]


@pytest.mark.parametrize(
    ("device", "dtype", "room"),
    [(75, torch.float16, 64 << 10), (89, torch.float32, 99 << 10)],
    indirect=["device"],
    ids=["T4", "RTX 4090 in float32"],
)
def test_the_largest_tile_fits_the_shared_memory(
    device: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dtype: torch.dtype, room: int
) -> None:
    """A larger kernel is compiled without a word, and every prefill of a thousand positions fails."""
    from model.decoder.attention import triton_kernel

    monkeypatch.setattr(triton.knobs.cache, "dir", str(tmp_path))
    target = triton.runtime.driver.active.get_current_target()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: divmod(target.arch, 10))
    tile = triton_kernel._largest_tile.__wrapped__(dtype, torch.device("cuda", 0))
    kernel = triton_kernel._attend_tiles.warmup(
        *[dtype] * 4, *[torch.float32] * 3, *[torch.int32] * 3, 2, 2, 2, 2, 1.0, grid=(1,),
        **triton_kernel._constants(dtype, HEADS, KV_HEADS, DIM, PAGE, tile, 1, True),
    )  # fmt: skip
    assert kernel.metadata.shared <= room
