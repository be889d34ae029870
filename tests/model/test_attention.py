"""Every backend equals plain attention, row by row, whatever the mix of rows, and reads only what was written."""

from __future__ import annotations

import inspect
import itertools
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import scaled_dot_product_attention

from model.decoder.attention import (
    SDPA,
    AttentionError,
    Backend,
    Kernel,
    PackedRows,
    PagedRows,
    Place,
    RowBlock,
    blocks,
    choose_backend,
)
from model.decoder.kv_cache import PagePool, PageTable
from tests.model import paged_reference

KV_HEADS, SHARED, DIM, PAGE = 2, 3, 16, 4

MIXES = {
    "decode rows": [(9, 1), (4, 1), (30, 1)],
    "decode rows of one length": [(8, 1), (8, 1)],
    "one long prefill": [(0, 23)],
    "prefill behind a history": [(13, 40)],
    "drafts of different lengths": [(9, 3), (20, 1), (7, 8)],
    "drafts up to the limit": [(9, 32), (64, 31), (0, 32), (1, 1)],
    "everything at once": [(5, 1), (0, 2), (11, 50), (3, 1), (2, 16), (6, 17), (40, 1)],
    "a long history": [(700, 1), (290, 9), (3, 1)],
}
mixes = pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES.keys())


class Step:
    """A step of rows with random histories in a pool whose unwritten slots are poisoned."""

    def __init__(
        self,
        mix: list[tuple[int, int]],
        *,
        page_size: int = PAGE,
        dim: int = DIM,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(0)
        self.mix = mix
        self.pool = PagePool(
            layers=1,
            pages=sum(-(-(past + new) // page_size) for past, new in mix) + 3,
            page_size=page_size,
            kv_heads=KV_HEADS,
            head_dim=dim,
            dtype=dtype,
            device=torch.device(device),
        )
        for storage in (self.pool.keys[0], self.pool.values[0]):
            storage[page_size:] = float("nan")  # a slot that was never written must never be read
        self.tables = [PageTable(self.pool) for _ in mix]
        self.histories = []
        for table, (past, _) in zip(self.tables, mix, strict=True):
            for start in range(0, past, 5):  # in turns with the others in earnest; here only in pieces
                table.extend(min(5, past - start))
            keys, values = torch.randn(2, past, KV_HEADS, dim, dtype=dtype, device=device)
            slots = table.slots[:past]
            self.pool.keys[0][slots], self.pool.values[0][slots] = keys, values
            self.histories.append((keys, values))
        total = sum(new for _, new in mix)
        self.query = torch.randn(total, KV_HEADS * SHARED, dim, dtype=dtype, device=device)
        self.key, self.value = torch.randn(2, total, KV_HEADS, dim, dtype=dtype, device=device)
        for table, (_, new) in zip(self.tables, mix, strict=True):
            table.extend(new)
        self.rows = [(table, new) for table, (_, new) in zip(self.tables, mix, strict=True)]

    def run(self, backend: Backend) -> torch.Tensor:
        return backend.rows(self.pool, self.rows).attend(0, self.query, self.key, self.value, scale=0.3)

    def wanted(self) -> torch.Tensor:
        """Each row alone."""
        parts, place = [], 0
        for (past, new), (keys, values) in zip(self.mix, self.histories, strict=True):
            span = slice(place, place + new)
            k = torch.cat([keys, self.key[span]]).repeat_interleave(SHARED, dim=1).transpose(0, 1)
            v = torch.cat([values, self.value[span]]).repeat_interleave(SHARED, dim=1).transpose(0, 1)
            mask = torch.ones(new, past + new, dtype=torch.bool, device=k.device).tril(past)
            q = self.query[span].transpose(0, 1)
            parts.append(scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3).transpose(0, 1))
            place += new
        return torch.cat(parts)


@mixes
@pytest.mark.parametrize(
    "backend",
    [SDPA, Backend("reference", paged_reference.attend), Backend("blocks", blocks.attend)],
    ids=lambda backend: backend.name,
)
def test_packed_rows_equal_each_row_alone(backend: Backend, mix: list[tuple[int, int]]) -> None:
    step = Step(mix)
    torch.testing.assert_close(step.run(backend), step.wanted())


@pytest.fixture(scope="module")
def triton_kernel(interpreted: Callable[[str], ModuleType]) -> Any:
    return interpreted("model.decoder.attention.triton_kernel")


@mixes
def test_triton_kernel_equals_each_row_alone(triton_kernel: Any, mix: list[tuple[int, int]]) -> None:
    step = Step(mix)
    torch.testing.assert_close(step.run(Backend("triton", triton_kernel.attend)), step.wanted())


@pytest.mark.parametrize("programs", [1, 100_000], ids=["never split", "split as far as it goes"])
def test_triton_kernel_splits_change_nothing(
    triton_kernel: Any, monkeypatch: pytest.MonkeyPatch, programs: int
) -> None:
    monkeypatch.setattr(triton_kernel, "_PROGRAMS", programs)
    monkeypatch.setattr(triton_kernel, "_SPLIT_KEYS", 8)
    for mix in ([(300, 1)], [(150, 7), (2, 1)]):
        step = Step(mix)
        torch.testing.assert_close(step.run(Backend("triton", triton_kernel.attend)), step.wanted())


def test_triton_kernel_on_pages_larger_than_its_blocks(triton_kernel: Any) -> None:
    step = Step([(200, 1), (127, 1), (128, 3), (0, 70)], page_size=128)
    torch.testing.assert_close(step.run(Backend("triton", triton_kernel.attend)), step.wanted())


def test_triton_kernel_takes_a_prefill_sized_tile(triton_kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_kernel, "_PREFILL", 40)
    step = Step([(20, 90), (0, 50)])
    torch.testing.assert_close(step.run(Backend("triton", triton_kernel.attend)), step.wanted())


@pytest.mark.parametrize("mix", ["everything at once", "drafts of different lengths"])
def test_triton_kernel_of_fixed_order_equals_each_row_alone(
    triton_kernel: Any, monkeypatch: pytest.MonkeyPatch, mix: str
) -> None:
    monkeypatch.setattr(triton_kernel, "_FIXED_SHARE", 32)
    step = Step(MIXES[mix])
    torch.testing.assert_close(step.run(Backend("triton", triton_kernel.attend_fixed)), step.wanted())


def test_blocks_have_one_order_of_summation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_KEYS", 32)
    for cuts in ((0, 1, 17, 64, 80), (0, 33, 34, 35, 80)):
        for company in (0, 1, 7):
            _one_order(blocks.attend, cuts, company)


def test_triton_kernel_has_one_order_of_summation(triton_kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel itself: on some CPUs NumPy, in which Triton's interpreter multiplies, has another one for each row."""

    def row_by_row(a: NDArray[Any], b: NDArray[Any], dtype: type) -> NDArray[Any]:
        return np.asarray(sum(np.multiply.outer(a[:, i], b[i]) for i in range(len(b))), dtype)

    monkeypatch.setattr(np, "matmul", row_by_row)
    monkeypatch.setattr(triton_kernel, "_FIXED_SHARE", 64)
    _one_order(triton_kernel.attend_fixed, (0, 33, 34, 80), 3)


def _one_order(kernel: Kernel, cuts: tuple[int, ...], company: int) -> None:
    """A row's queries give the same bits in steps cut anywhere, alone and behind other rows of a step."""
    step = Step([(0, cuts[-1])])
    keys, values = step.pool.keys[0], step.pool.values[0]
    [(table, total)] = step.rows
    keys[table.slots[:total]], values[table.slots[:total]] = step.key, step.value
    paged = (-1, PAGE, KV_HEADS, DIM)

    def computed(first: int, last: int, company: int) -> torch.Tensor:
        """Queries ``first`` to ``last`` behind ``company`` rows of one query each."""
        block = RowBlock(positions=8 + last - first, rows=8, pages=24, widest=80, pool=step.pool)
        block.fill([*[(table.until(9 + row), 1) for row in range(company)], (table.until(last), last - first)])
        query = torch.zeros(8 + last - first, *step.query.shape[1:])
        query[:company] = step.query[1]
        query[company : company + last - first] = step.query[first:last]
        out = kernel(query, keys.view(paged), values.view(paged), block.packed, 0.3)
        return out[company : company + last - first]

    whole = computed(0, total, 0)
    torch.testing.assert_close(whole, step.wanted())
    parts = [computed(first, last, company) for first, last in itertools.pairwise(cuts)]
    assert torch.equal(torch.cat(parts), whole)


@mixes
def test_room_to_spare_changes_nothing(mix: list[tuple[int, int]]) -> None:
    _with_room_to_spare(mix, paged_reference.attend)


@mixes
def test_blocks_have_room_to_spare(mix: list[tuple[int, int]]) -> None:
    _with_room_to_spare(mix, blocks.attend)


@pytest.mark.parametrize("mix", ["decode rows", "drafts of different lengths"])
def test_triton_kernel_has_room_to_spare(triton_kernel: Any, mix: str) -> None:
    _with_room_to_spare(MIXES[mix], triton_kernel.attend)


def _with_room_to_spare(mix: list[tuple[int, int]], kernel: Kernel) -> None:
    """A block made once for more rows, pages and positions: the unused ones write to the scratch page alone."""
    step = Step(mix)
    total, spare = len(step.query), 5
    block = RowBlock(positions=total + spare, rows=len(mix) + 3, pages=300, widest=64, pool=step.pool)
    block.fill(step.rows[::-1])  # what is left of an earlier step must not matter
    block.fill(step.rows)
    before = step.pool.keys[0].clone()
    query, key, value = (
        torch.cat([each, torch.full((spare, *each.shape[1:]), float("nan"))])
        for each in (step.query, step.key, step.value)
    )
    out = PagedRows(step.pool, kernel, [block]).attend(0, query, key, value, scale=0.3)
    torch.testing.assert_close(out[:total], step.wanted())
    written = (step.pool.keys[0] != before).flatten(1).all(1) & ~step.pool.keys[0].isnan().flatten(1).any(1)
    slots = torch.cat([table.slots[table.length - new : table.length] for table, new in step.rows])
    assert written.nonzero()[:, 0].tolist() == sorted(slots.tolist())


def test_varlen_is_called_as_torch_declares_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's function runs on CUDA alone; here its signature is held against ours, and its meaning spelled out."""
    from torch.nn.attention.varlen import varlen_attn

    from model.decoder.attention import varlen

    if not varlen.PAGED:
        pytest.skip("this torch has no page tables in varlen_attn")
    declared = inspect.signature(varlen_attn)
    windows: set[tuple[int, int]] = set()

    def stand_in(*args: Any, **kwargs: Any) -> torch.Tensor:
        given = declared.bind(*args, **kwargs).arguments
        # Grouped heads share a tile only without a window, and a row's only query sees every key anyway.
        assert given["window_size"] == ((-1, -1) if given["max_q"] == 1 else (-1, 0))
        windows.add(given["window_size"])
        assert given["enable_gqa"]
        assert given["num_splits"] == 1
        assert given["cu_seq_k"].diff().tolist() == given["seqused_k"].tolist()
        return _spelled_out(given, "cu_seq_q", "seqused_k", "max_q", "max_k")

    monkeypatch.setattr(varlen, "varlen_attn", stand_in)
    for mix in MIXES.values():
        step = Step(mix)
        torch.testing.assert_close(step.run(Backend("varlen", varlen.attend)), step.wanted())
    assert len(windows) == 2


def test_flash_attn_is_called_as_it_wants(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the package with its documented meaning: causal from the bottom right, page tables, lengths."""

    def flash_attn_with_kvcache(
        q: torch.Tensor, k_cache: torch.Tensor, v_cache: torch.Tensor, **given: Any
    ) -> torch.Tensor:
        assert given["causal"]
        assert len(q) == len(given["cache_seqlens"]) == len(given["block_table"])
        starts = torch.arange(len(q) + 1, dtype=torch.int32)
        bounds = {"starts": starts, "query": q[:, 0], "key": k_cache, "value": v_cache, "max_q": 1, "max_k": 10**6}
        return _spelled_out({**given, **bounds}, "starts", "cache_seqlens", "max_q", "max_k")[:, None]

    def flash_attn_varlen_func(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, **given: Any) -> torch.Tensor:
        assert given["causal"]
        given.update(query=q, key=k, value=v, lengths=given["cu_seqlens_k"].diff())
        return _spelled_out(given, "cu_seqlens_q", "lengths", "max_seqlen_q", "max_seqlen_k")

    package = ModuleType("flash_attn")
    package.flash_attn_with_kvcache = flash_attn_with_kvcache  # type: ignore[attr-defined]
    package.flash_attn_varlen_func = flash_attn_varlen_func  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flash_attn", package)
    monkeypatch.delitem(sys.modules, "model.decoder.attention.flash", raising=False)
    from model.decoder.attention import flash

    for mix in MIXES.values():
        step = Step(mix)
        torch.testing.assert_close(step.run(Backend("flash", flash.attend)), step.wanted())
    monkeypatch.delitem(sys.modules, "model.decoder.attention.flash")


def _spelled_out(given: dict[str, Any], starts: str, lengths: str, widest: str, longest: str) -> torch.Tensor:
    for name in (starts, lengths, "block_table"):
        assert given[name].dtype == torch.int32
    key_starts = torch.zeros(1)  # the reference does without
    rows = PackedRows(given[starts], given[lengths], key_starts, given["block_table"], given[widest], given[longest])
    scale = given.get("scale", given.get("softmax_scale"))
    assert isinstance(scale, float)
    return paged_reference.attend(given["query"], given["key"], given["value"], rows, scale)


PLACE = Place(torch.device("cpu"), torch.float32, head_dim=128, page_size=32)


def test_a_cpu_takes_sdpa() -> None:
    assert choose_backend("auto", PLACE) is SDPA
    assert choose_backend("sdpa", PLACE) is SDPA


@pytest.mark.parametrize("name", ["varlen", "flash", "triton"])
def test_what_cannot_run_says_why(name: Any) -> None:
    with pytest.raises(AttentionError, match=f"{name}.*needs a CUDA device"):
        choose_backend(name, PLACE)


def test_one_order_of_summation_has_backends_of_its_own() -> None:
    assert choose_backend("auto", PLACE, deterministic=True).name == "blocks"
    for name in ("sdpa", "varlen", "flash", "triton"):
        with pytest.raises(AttentionError, match=f"{name}.*cannot be deterministic here"):
            choose_backend(name, PLACE, deterministic=True)
    with pytest.raises(AttentionError, match=r"need attention in Triton.*power of two"):
        choose_backend("auto", Place(torch.device("cuda"), torch.bfloat16, 96, 256), deterministic=True)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttentionError, match="use auto, sdpa, flash"):
        choose_backend("eager", PLACE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("place", "name", "reason"),
    [
        (Place(torch.device("cuda"), torch.float32, 128, 256), "varlen", "bfloat16 or float16"),
        (Place(torch.device("cuda"), torch.bfloat16, 128, 32), "flash", "multiple of 256"),
        (Place(torch.device("cuda"), torch.bfloat16, 257, 256), "flash", "head width"),
        (Place(torch.device("cuda"), torch.bfloat16, 96, 256), "triton", "power of two"),
    ],
)
def test_reasons_on_a_gpu(monkeypatch: pytest.MonkeyPatch, place: Place, name: Any, reason: str) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    with pytest.raises(AttentionError, match=reason):
        choose_backend(name, place)


@pytest.mark.gpu
@mixes
@pytest.mark.parametrize("name", ["sdpa", "varlen", "flash", "triton"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_backends_on_the_gpu_equal_each_row_alone(name: Any, dtype: torch.dtype, mix: list[tuple[int, int]]) -> None:
    place = Place(torch.device("cuda"), dtype, head_dim=128, page_size=256)
    try:
        backend = choose_backend(name, place)
    except AttentionError as error:
        pytest.skip(str(error))
    step = Step(mix, page_size=256, dim=128, dtype=dtype, device="cuda")
    tolerance = 1e-4 if dtype is torch.float32 else 2e-2
    torch.testing.assert_close(step.run(backend), step.wanted(), atol=tolerance, rtol=tolerance)
