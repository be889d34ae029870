"""Steps in parts of one size, so that every position is summed up in one order; see ``model.deterministic``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from model.decoder.graphs import StepGraphs, StepInputs
from model.decoder.kv_cache import PagePool, PageTable
from model.device.capture import Capture, Result, recompute


def positions(device: torch.device) -> int:
    """Positions of every part of a step: on a GPU one reads the weights as long as this many compute.

    More would make prefills cheaper; with these a matrix product has one tile of rows, so that all of them are summed
    alike even where a library shares the sum of a tile among processors as it comes out.
    """
    return 64 if device.type == "cuda" else 32


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a step; see ``Decoder.forward`` for its fields. ``wanted``: places in the part."""

    inputs: list[list[int] | torch.Tensor]
    rows: list[tuple[PageTable, int]]
    wanted: list[int]


class FixedSteps:
    """Steps in parts of one size.

    Attributes:
        size: positions of a part.
    """

    def __init__(
        self,
        compute: Callable[[StepInputs], Result],
        capture: Capture | None,
        pool: PagePool,
        *,
        longest: int,
        width: int,
        dtype: torch.dtype,
    ) -> None:
        """See ``StepGraphs``; without ``capture`` every part is computed as it is."""
        self.size = positions(pool.device)
        self._graphs = StepGraphs(
            compute,
            capture or recompute,
            pool,
            longest=longest,
            width=width,
            dtype=dtype,
            sizes=(self.size,),
            kinds=(False,),
        )

    def run(
        self, inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int]
    ) -> Result:
        """The step (see ``Decoder.forward``; rows extended already), part after part."""
        results = []
        for part in _parts(inputs, rows, wanted, self.size):
            result = self._graphs.run(part.inputs, part.rows, part.wanted)
            assert result is not None, "a part is never larger than the recording, nor a row than the pool"
            results.append(tuple(each.clone() for each in result))
        choices, hidden = zip(*results, strict=True)
        return torch.cat(choices, dim=1), torch.cat(hidden)

    def padded(self, head: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """``head``, always computed for as many places as a part has; for no more than those."""

        def compute(hidden: torch.Tensor) -> torch.Tensor:
            room = hidden.new_zeros(self.size, hidden.shape[1])
            room[: len(hidden)] = hidden
            return head(room)[: len(hidden)]

        return compute


def _parts(
    inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int], size: int
) -> Iterator[_Part]:
    """Cut a packed step every ``size`` positions, through rows where it comes so."""
    total = sum(new for _, new in rows)
    for first in range(0, total, size):
        last = min(total, first + size)
        within: list[tuple[PageTable, int]] = []
        place = 0
        for table, new in rows:
            begin, end = max(place, first), min(place + new, last)
            if begin < end:
                within.append((table.until(table.length - (place + new - end)), end - begin))
            place += new
        yield _Part(
            list(_between(inputs, first, last)), within, [each - first for each in wanted if first <= each < last]
        )


def _between(parts: list[list[int] | torch.Tensor], first: int, last: int) -> Iterator[list[int] | torch.Tensor]:
    place = 0
    for part in parts:
        begin, end = max(first - place, 0), min(last - place, len(part))
        if begin < end:
            yield part[begin:end]
        place += len(part)
