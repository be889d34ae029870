"""From logits to tokens, on the device: greedy, or drawn per row by noise that its seed decides.

Nothing here makes the host wait, and nothing needs float64, which not every device has.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from model.device.transfer import send

_ROWS = 16
"""Rows drawn at a time; noise for one takes a few numbers per token of the vocabulary."""

_LOW_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Draw:
    """An answer token that is drawn and not the best one.

    ``place``: among the wanted places of a step. ``temperature``: above 0. ``seed`` and ``number`` (of the token in its
    answer) decide the noise, which does not depend on the company in the batch.
    """

    place: int
    temperature: float
    seed: int
    number: int


def best(logits: torch.Tensor) -> torch.Tensor:
    """Best tokens of ``logits`` [places, vocabulary] and their log-probabilities: a *choice*, [2, places] int32.

    The second row holds the bits of float32 numbers, so that one small transfer brings both to the host; see
    ``split``.
    """
    logits = logits.float()
    highest, tokens = logits.max(-1)
    return _choice(tokens, highest - logits.logsumexp(-1))


def split(choice: npt.NDArray[np.int32]) -> tuple[list[int], list[float]]:
    """Tokens and log-probabilities of a choice on the host."""
    return choice[0].tolist(), choice[1].view(np.float32).tolist()


def draw(choice: torch.Tensor, draws: Sequence[Draw], logits: Callable[[torch.Tensor], torch.Tensor]) -> None:
    """Replace the best tokens in ``choice`` where they are to be drawn.

    ``logits``: [n] places → [n, vocabulary]. Takes the argmax of logits / temperature + Gumbel noise, which draws from
    the scaled softmax; the log-probability is that of the unscaled distribution.
    """
    for first in range(0, len(draws), _ROWS):
        part = draws[first : first + _ROWS]
        integers = np.array([(each.place, each.seed & _LOW_32, each.number) for each in part], dtype=np.int64)
        places, seeds, numbers = send(integers.T.reshape(-1), choice.device).view(3, -1)
        temperatures = send([each.temperature for each in part], choice.device, torch.float32)
        scores = logits(places).float()
        tokens = (scores / temperatures[:, None] + gumbel(seeds, numbers, scores.shape[-1])).argmax(-1)
        picked = scores.gather(-1, tokens[:, None])[:, 0] - scores.logsumexp(-1)
        choice.index_copy_(1, places, _choice(tokens, picked))


def gumbel(seeds: torch.Tensor, numbers: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """[rows, vocabulary] float32 of Gumbel noise that ``seeds`` and ``numbers`` ([rows] int64) decide.

    A hash of seed, number and token takes the place of a generator's state: every row could be made anywhere.
    """
    rows = _mixed(_mixed(seeds & _LOW_32) ^ (numbers & _LOW_32))
    bits = _mixed(rows[:, None] ^ _mixed(torch.arange(vocabulary, device=seeds.device)))
    uniform = (bits.float() + 0.5) * 2.0**-32
    return -torch.log(-torch.log1p(-uniform))  # precise where it counts: for the largest noise ``uniform`` is near 0


def _mixed(bits: torch.Tensor) -> torch.Tensor:
    """A bijection of 32-bit numbers (in int64) that spreads every bit: Wellons' ``lowbias32``."""
    bits = ((bits >> 16) ^ bits) * 0x7FEB352D & _LOW_32
    bits = ((bits >> 15) ^ bits) * 0x846CA68B & _LOW_32
    return (bits >> 16) ^ bits


def _choice(tokens: torch.Tensor, logprobs: torch.Tensor) -> torch.Tensor:
    return torch.stack([tokens.int(), logprobs.view(torch.int32)])
