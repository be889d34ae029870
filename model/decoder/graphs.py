"""Steps of fixed size, recorded once and replayed: a small step is hundreds of kernels that take longer to launch one
by one than to run.

A recording can only read and write what lies where it lay. So a step of ``positions`` inputs gets tensors of its own
for ids, positions, rows and pages, made for the next larger of a few sizes; a step is copied into them, the recording
is replayed, and the best tokens are read from where it leaves them. Places beyond the step's own inputs write to the
scratch page and are read by nobody.

Recordings come in two kinds: rows of one input each, for which kernels have a faster way, and any rows.
"""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from model.decoder.attention import RowBlock
from model.decoder.kv_cache import PagePool, PageTable
from model.device.capture import Capture, Replay, Result

logger = logging.getLogger(__name__)

SIZES = (1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Inputs of a recorded step; larger steps keep the device busy enough without."""

_LEAST_ANY = 8
"""Steps with longer rows than one input are recorded from this size on."""

AUDIO = -1
"""Stands for the id of an input that is no token."""

UNREAD = -2
"""Stands for the answer token at place 0 of the step before, which the host has not read; one less for each place."""

_IDS, _POSITIONS, _WANTED, _ADAPTERS = range(4)


class StepInputs:
    """A step's inputs in tensors that stay where they are.

    ``ids``, ``positions``, ``wanted``, ``adapters``: [size] int32, the last of each input's adapter. ``audio``: [size,
    width], read where the id is ``AUDIO``. ``block``: the rows.
    """

    def __init__(self, block: RowBlock, audio: torch.Tensor) -> None:
        self.block, self.audio = block, audio
        self.ids, self.positions, self.wanted, self.adapters = block.extra

    def fill(
        self, inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int]
    ) -> None:
        """See ``Decoder.forward``; the rows are extended already."""
        numbers, place = np.zeros((4, self.block.positions), dtype=np.int32), 0
        for part in inputs:
            span = slice(place, place + len(part))
            if isinstance(part, list):
                numbers[_IDS, span] = part
            else:
                numbers[_IDS, span] = AUDIO
                self.audio[span] = part
            place += len(part)
        place = 0
        for table, new in rows:
            numbers[_POSITIONS, place : place + new] = range(table.length - new, table.length)
            numbers[_ADAPTERS, place : place + new] = table.adapter
            place += new
        numbers[_WANTED, : len(wanted)] = wanted
        self.block.fill(rows, numbers)


@dataclass(frozen=True, slots=True)
class _Recording:
    inputs: StepInputs
    replay: Replay
    result: Result


class StepGraphs:
    """Recordings of all sizes, made at once so that no request waits for one."""

    def __init__(
        self,
        compute: Callable[[StepInputs], Result],
        capture: Capture,
        pool: PagePool,
        *,
        longest: int,
        width: int,
        dtype: torch.dtype,
        sizes: tuple[int, ...] = SIZES,
        kinds: tuple[bool, ...] = (True, False),
    ) -> None:
        """``compute``: a step from its inputs. ``longest``: positions of the longest row to make room for.

        ``kinds``: of recordings, True for those of rows of one input each, False for those of any rows.
        """
        self._sizes, self._pool, self._kinds = sizes, pool, kinds
        self._pages = min(pool.pages, -(-longest // pool.page_size))
        self._audio = torch.zeros(sizes[-1], width, dtype=dtype, device=pool.device)
        self._recordings: dict[tuple[int, bool], _Recording] = {}
        for size in reversed(sizes):  # the largest first: the others find room in the memory it leaves
            for single in kinds:
                if not single and size < _LEAST_ANY:
                    continue
                self._recordings[size, single] = self._record(compute, capture, size, single)
        logger.info("recorded %d steps of up to %d inputs", len(self._recordings), sizes[-1])

    @torch.inference_mode()
    def run(
        self, inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int]
    ) -> Result | None:
        """Replay the step (see ``Decoder.forward``; rows extended already), or None for one that was not recorded.

        The result holds until the next step of the same size.
        """
        total = sum(new for _, new in rows)
        single = True in self._kinds and total == len(rows)
        if total > self._sizes[-1] or any(len(table.pages) > self._pages for table, _ in rows):
            return None
        size = self._sizes[bisect_left(self._sizes, total if single else max(total, _LEAST_ANY))]
        recording = self._recordings[size, single]
        recording.inputs.fill(inputs, rows, wanted)
        recording.replay()
        choice, hidden = recording.result
        return choice[:, : len(wanted)], hidden[: len(wanted)]

    @torch.inference_mode()
    def _record(self, compute: Callable[[StepInputs], Result], capture: Capture, size: int, single: bool) -> _Recording:
        block = RowBlock(
            positions=size,
            rows=size,
            pages=self._pages,
            widest=1 if single else size,
            pool=self._pool,
            extra=4,
        )
        inputs = StepInputs(block, self._audio[:size])
        inputs.fill([], [], [])
        replay, result = capture(lambda: compute(inputs))
        return _Recording(inputs, replay, result)
