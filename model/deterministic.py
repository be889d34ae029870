"""One order of summation for every answer, whatever the company, the chunks and the guesses: ``--deterministic``.

Libraries choose a kernel, and with it the order of its sums, by the shape of a call; in bfloat16 another order is
another result, and now and then another token. Here every call has the same shape:

* A step is computed in parts of exactly ``positions`` positions; what the last part lacks goes to the scratch page.
  Every linear map, norm and head sees the same number of rows each time. What comes out for a row must then depend on
  that row alone, and neither on the others nor on its place among them. No library promises that, so ``verify`` holds
  the device to it before anybody is served.
* Attention goes through kernels whose sums depend on a query's own position alone: Triton's with a fixed tile and fixed
  shares of the keys on CUDA, ``attention.blocks`` elsewhere.
* Audio is encoded one stream at a time in calls of exactly ``FRAMES`` frames, padded with silence that nobody hears.

Guesses ride along as ever: they are further positions of a step, and so are forced beginnings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.decoder.kv_cache import PagePool, PageTable
from model.device.graphs import Capture, Replay, Result, StepGraphs, StepInputs
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.errors import StartError
from model.seam.audio import Samples

if TYPE_CHECKING:
    from model.decoder.decoder import Decoder

FRAMES = 16
"""Frames of a call of the encoders: two seconds."""


def positions(device: torch.device) -> int:
    """Positions of every part of a step: on a GPU one reads the weights as long as this many compute.

    More would make prefills cheaper; with these a matrix product has one tile of rows, so that all of them are summed
    alike even where a library shares the sum of a tile among processors as it comes out.
    """
    return 64 if device.type == "cuda" else 32


def recompute(compute: Callable[[], Result]) -> tuple[Replay, Result]:
    """Stands in for a recording where there are no graphs: computes again and leaves the result where it was."""
    result = compute()

    def replay() -> None:
        for kept, new in zip(result, compute(), strict=True):
            kept.copy_(new)

    return replay, result


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a step; see ``Decoder.forward`` for its fields. ``wanted``: places in the part."""

    inputs: list[list[int] | torch.Tensor]
    rows: list[tuple[PageTable, int]]
    wanted: list[int]


class FixedSteps:
    """Steps in parts of one size."""

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
        self._size = positions(pool.device)
        self._graphs = StepGraphs(
            compute,
            capture or recompute,
            pool,
            longest=longest,
            width=width,
            dtype=dtype,
            sizes=(self._size,),
            kinds=(False,),
        )

    def run(
        self, inputs: list[list[int] | torch.Tensor], rows: list[tuple[PageTable, int]], wanted: list[int]
    ) -> Result:
        """The step (see ``Decoder.forward``; rows extended already), part after part."""
        results = []
        for part in _parts(inputs, rows, wanted, self._size):
            result = self._graphs.run(part.inputs, part.rows, part.wanted)
            assert result is not None, "a part is never larger than the recording, nor a row than the pool"
            results.append(tuple(each.clone() for each in result))
        choices, hidden = zip(*results, strict=True)
        return torch.cat(choices, dim=1), torch.cat(hidden)

    def padded(self, head: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[torch.Tensor], torch.Tensor]:
        """``head``, always computed for as many places as a part has; for no more than those."""

        def compute(hidden: torch.Tensor) -> torch.Tensor:
            room = hidden.new_zeros(self._size, hidden.shape[1])
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


class FixedEncoder(StreamingEncoder):
    """Encodes one stream at a time, ``FRAMES`` frames a call."""

    def __init__(self, model: VibeVoiceAsrForConditionalGeneration, *, capture: Capture | None = None) -> None:
        """See StreamingEncoder; without ``capture`` every call is computed as it is."""
        super().__init__(model, capture=capture or recompute, rows=(1,), frames=(FRAMES,))

    def encode(self, states: list[EncoderState], chunks: list[Samples]) -> list[torch.Tensor]:
        """See StreamingEncoder. After an error the states are what they were."""
        before = [(state.acoustic.values, state.semantic.values) for state in states]
        try:
            return [self._whole(state, chunk) for state, chunk in zip(states, chunks, strict=True)]
        except BaseException:
            for state, values in zip(states, before, strict=True):
                state.acoustic.values, state.semantic.values = values
            raise

    def _whole(self, state: EncoderState, chunk: Samples) -> torch.Tensor:
        size = FRAMES * self.hop
        pieces = [chunk[first : first + size] for first in range(0, chunk.size, size)]
        embeddings = [super(FixedEncoder, self).encode([state], [piece])[0] for piece in pieces]
        with torch.cuda.stream(self.stream):  # does nothing where there is no such stream
            return torch.cat(embeddings)


def verify(decoder: Decoder, encoder: StreamingEncoder) -> None:
    """Compute the same positions and frames in steps cut differently; unless all agree to the bit, raise StartError."""
    size = positions(decoder.device)
    ids = [(37 * place + 11) % decoder.vocabulary for place in range(size)]
    noise = 0.1 * np.random.default_rng(0).standard_normal(FRAMES * encoder.hop).astype(np.float32)
    with torch.cuda.stream(decoder.stream):  # does nothing where there is no such stream
        choices = [_choices(decoder, ids, cut).cpu() for cut in (0, 1, size // 2)]
    with torch.cuda.stream(encoder.stream):
        heard = [_heard(encoder, noise, cut).cpu() for cut in (0, 1, FRAMES // 2)]
    if not all(torch.equal(first, each) for first, *others in (choices, heard) for each in others):
        raise StartError(
            f"Deterministic answers cannot be had on {decoder.device}: its libraries compute a row of a matrix "
            "differently in another place. Start without --deterministic."
        )


def _choices(decoder: Decoder, ids: list[int], cut: int) -> torch.Tensor:
    """The choice behind each of ``ids``, computed in two steps where ``cut`` is not 0."""
    table = PageTable(decoder.pool)
    try:
        parts = [part for part in (ids[:cut], ids[cut:]) if part]
        return torch.cat([decoder.forward([part], [(table, len(part))], list(range(len(part)))) for part in parts], 1)
    finally:
        table.release()


def _heard(encoder: StreamingEncoder, audio: Samples, cut: int) -> torch.Tensor:
    state = EncoderState()
    parts = [part for part in (audio[: cut * encoder.hop], audio[cut * encoder.hop :]) if part.size]
    return torch.cat([encoder.encode([state], [part])[0] for part in parts])
