"""One order of summation for every answer, whatever the company, the chunks and the guesses: ``--deterministic``.

Libraries choose a kernel, and with it the order of its sums, by the shape of a call; in bfloat16 another order is
another result, and now and then another token. Here every call has the same shape:

* A step is computed in parts of exactly ``positions`` positions (``decoder.fixed_steps``); what the last part lacks
  goes to the scratch page. Every linear map, norm and head sees the same number of rows each time. What comes out for a
  row must then depend on that row alone, and neither on the others nor on its place among them. No library promises
  that, so ``verify`` holds the device to it before anybody is served.
* Attention goes through kernels whose sums depend on a query's own position alone: Triton's with a fixed tile and fixed
  shares of the keys on CUDA, ``attention.blocks`` elsewhere.
* Audio is encoded one stream at a time in calls of exactly ``FRAMES`` frames (``encoder.fixed_encoder``), padded with
  silence that nobody hears.

Guesses ride along as ever: they are further positions of a step, and so are forced beginnings.
"""

from __future__ import annotations

import numpy as np
import torch

from model.decoder.decoder import Decoder
from model.decoder.fixed_steps import positions
from model.decoder.kv_cache import PageTable
from model.encoder.fixed_encoder import FRAMES
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.errors import StartError
from model.seam.audio import Samples


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
            f"Deterministic answers are not possible on {decoder.device}: its libraries compute a row of a matrix "
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
