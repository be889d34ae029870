"""What paged attention kernels ask of their arguments, as read in their sources; what breaks it is a fault.

``mha_varlen_fwd`` and ``mha_fwd_kvcache`` of FlashAttention 2 (csrc/flash_attn/flash_api.cpp), which are behind torch's
``varlen_attn`` and behind the flash-attn package. On a card, numbers that break it are read from wherever they lead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING
from weakref import ref

import torch

if TYPE_CHECKING:
    from bench.rehearsal.fake_cuda import FakeCuda

_PAGE = 256
_WIDEST_HEAD = 256


@dataclass(frozen=True, slots=True)
class Rows:
    """Bounds that the numbers of a call have to keep. ``longest``: keys of a row, None where nobody says."""

    name: str
    queries: int
    pages: int
    page_size: int
    widest: int
    longest: int | None


def check_paged(
    cuda: FakeCuda,
    rows: Rows,
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    starts: torch.Tensor | None,
    key_starts: torch.Tensor | None,
    lengths: torch.Tensor,
    tables: torch.Tensor,
) -> None:
    """Report what is wrong with shapes, dtypes and strides now, and with the numbers now and at every replay."""
    report = cuda.faults.report
    name, head = rows.name, query.shape[-1]
    for tensor in (query, keys, values):
        if tensor.dtype not in (torch.bfloat16, torch.float16) or tensor.dtype != query.dtype:
            report(f"{name}: {tensor.dtype} beside {query.dtype}, both have to be the same half precision")
        if tensor.stride(-1) != 1 or any(step * tensor.itemsize % 16 for step in tensor.stride()[:-1]):
            report(f"{name}: strides {tensor.stride()}, rows have to begin at multiples of 16 bytes")
    if keys.shape != values.shape or keys.shape[-1] != head or head % 8 or head > _WIDEST_HEAD:
        report(f"{name}: query {tuple(query.shape)}, keys {tuple(keys.shape)}, values {tuple(values.shape)}")
    if query.shape[-2] % keys.shape[2]:
        report(f"{name}: {query.shape[-2]} query heads cannot share {keys.shape[2]} key heads")
    if rows.page_size % _PAGE:
        report(f"{name}: pages of {rows.page_size} positions, not of a multiple of {_PAGE}")
    count = len(lengths)
    described: tuple[tuple[str, torch.Tensor | None, tuple[int, ...]], ...] = (
        ("starts", starts, (count + 1,)),
        ("key starts", key_starts, (count + 1,)),
        ("lengths", lengths, (count,)),
        ("tables", tables, (count, tables.shape[-1])),
    )
    for what, numbers, shape in described:
        if numbers is None:
            continue
        if numbers.dtype != torch.int32 or tuple(numbers.shape) != shape or numbers.stride(-1) != 1:
            report(f"{name}: {what} {numbers.dtype} {tuple(numbers.shape)} with strides {numbers.stride()}")
        if numbers.device != query.device:
            report(f"{name}: {what} on {numbers.device}")
    cuda.check_now_and_later(_numbers_checked(cuda, rows, starts, lengths, tables))


def _numbers_checked(
    cuda: FakeCuda, rows: Rows, starts: torch.Tensor | None, lengths: torch.Tensor, tables: torch.Tensor
) -> Callable[[], None]:
    """Holds on to none of the tensors: a graph keeps those alive that it needs."""
    kept = [None if each is None else ref(each) for each in (starts, lengths, tables)]

    def check() -> None:
        known = []
        for each in kept:
            tensor = None if each is None else each()
            numbers = None if tensor is None else cuda.mode.shadows.of(tensor)
            if each is not None and numbers is None:
                return
            known.append(numbers)
        _check_numbers(cuda, rows, *known)

    return check


def _check_numbers(
    cuda: FakeCuda, rows: Rows, starts: torch.Tensor | None, lengths: torch.Tensor | None, tables: torch.Tensor | None
) -> None:
    assert lengths is not None
    assert tables is not None
    report = cuda.faults.report
    long = lengths.tolist()
    if starts is None:
        first: Sequence[int] = range(len(long) + 1)
    else:
        first = starts.tolist()
    news = [after - before for before, after in pairwise(first)]
    if first[0] != 0 or first[-1] > rows.queries or min(news) < 0 or max(news) > rows.widest:
        report(f"{rows.name}: rows begin at {first}, of {rows.queries} queries and {rows.widest} in a row")
    if any(new > length > 0 for new, length in zip(news, long, strict=True)):
        report(f"{rows.name}: rows of {news} new positions have {long} keys")
    if max(long) > (rows.longest or max(long)) or max(long) > tables.shape[1] * rows.page_size:
        report(f"{rows.name}: {max(long)} keys, room for {rows.longest} in {tables.shape[1]} pages")
        return
    for length, pages in zip(long, tables, strict=True):
        used = pages[: -(-length // rows.page_size)]
        if length and (int(used.min()) < 0 or int(used.max()) >= rows.pages):
            report(f"{rows.name}: a row has pages {used.tolist()} of {rows.pages}")


def check_varlen(
    cuda: FakeCuda,
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    starts: torch.Tensor,
    key_starts: torch.Tensor,
    widest: int,
    longest: int,
    is_causal: bool = False,
    scale: float | None = None,
    window_size: Sequence[int] | None = None,
    enable_gqa: bool = False,
    lengths: torch.Tensor | None = None,
    tables: torch.Tensor | None = None,
    num_splits: int | None = None,
) -> None:
    """Arguments of ``torch_attn::_varlen_attn`` with page tables."""
    name = "varlen_attn"
    if lengths is None or tables is None:
        cuda.faults.report(f"{name}: without lengths or page tables")
        return
    if num_splits != 1:
        cuda.faults.report(f"{name}: {num_splits} splits, which are silently wrong with page tables (pytorch#194167)")
    window, whole = list(window_size or ()), [-1, -1]
    if window != [-1, 0] and (widest > 1 or window != whole):
        cuda.faults.report(f"{name}: window {window} is not causal for rows of {widest} queries")
    if widest == 1 and query.shape[1] > keys.shape[2] and window != whole:
        cuda.counts.unshared[name] += 1
    if widest == 1 and len(query) != len(lengths):
        cuda.faults.report(f"{name}: {len(query)} queries in {len(lengths)} rows of one")
    rows = Rows(name, len(query), len(keys), keys.shape[1], widest, longest)
    check_paged(cuda, rows, query, keys, values, starts, key_starts, lengths, tables)
