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
from model.seam.streams import MOST_LIKELY, Likeliest

_ROWS = 16
"""Rows drawn at a time; noise for one takes a few numbers per token of the vocabulary."""

_LOW_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Draw:
    """An answer token that is drawn and not the best one.

    ``place``: among the wanted places of a step. ``temperature``: above 0. ``seed`` and ``number`` (of the token in its
    answer) decide the noise, which does not depend on the company in the batch. ``top_p``, up to 1, leaves only the
    likeliest tokens, as few as have this much of the probability together.
    """

    place: int
    temperature: float
    seed: int
    number: int
    top_p: float = 1.0


def best(logits: torch.Tensor) -> torch.Tensor:
    """Best tokens of ``logits`` [places, vocabulary] and their log-probabilities: a *choice*, [2, places] int32.

    The second row holds the bits of float32 numbers, so that one small transfer brings both to the host; see
    ``split``.
    """
    logits = logits.float()
    highest, tokens = logits.max(-1)
    return _choice(tokens, highest - logits.logsumexp(-1))


def with_likeliest(
    choice: torch.Tensor, places: Sequence[int], logits: Callable[[torch.Tensor], torch.Tensor], *, at_once: int
) -> torch.Tensor:
    """``choice`` with the likeliest tokens of these places below it, and their log-probabilities: two times
    ``MOST_LIKELY`` rows more, which hold zeros at all others. ``logits`` as in ``draw``, of ``at_once`` places at most.
    """
    below = torch.zeros((2 * MOST_LIKELY, choice.shape[1]), dtype=torch.int32, device=choice.device)
    for first in range(0, len(places), at_once):
        part = send(places[first : first + at_once], choice.device)
        scores = logits(part).float()
        found = scores.topk(min(MOST_LIKELY, scores.shape[-1]), dim=-1)
        logprobs = found.values - scores.logsumexp(-1, keepdim=True)
        count = found.indices.shape[-1]
        below[:count].index_copy_(1, part, found.indices.int().T)
        below[MOST_LIKELY : MOST_LIKELY + count].index_copy_(1, part, logprobs.view(torch.int32).T)
    return torch.cat([choice, below])


def split(choice: npt.NDArray[np.int32]) -> tuple[list[int], list[float]]:
    """Tokens and log-probabilities of a choice on the host."""
    return choice[0].tolist(), choice[1].view(np.float32).tolist()


def likeliest_at(choice: npt.NDArray[np.int32], place: int) -> Likeliest:
    """What `with_likeliest` has found of a place, on the host."""
    tokens, logprobs = choice[2 : 2 + MOST_LIKELY, place], choice[2 + MOST_LIKELY :, place].copy().view(np.float32)
    return tuple(zip(tokens.tolist(), logprobs.tolist(), strict=True))


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
        scaled = scores / temperatures[:, None]
        if any(each.top_p < 1 for each in part):
            scaled = nucleus(scaled, send([each.top_p for each in part], choice.device, torch.float32))
        tokens = (scaled + gumbel(seeds, numbers, scores.shape[-1])).argmax(-1)
        picked = scores.gather(-1, tokens[:, None])[:, 0] - scores.logsumexp(-1)
        choice.index_copy_(1, places, _choice(tokens, picked))


def nucleus(scores: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """``scores`` [rows, vocabulary], with -inf for tokens outside of the likeliest that have ``top_p`` [rows] together.

    The likeliest is always left.
    """
    ordered, tokens = scores.sort(dim=-1, descending=True)
    shares = ordered.softmax(-1)
    outside = shares.cumsum(-1) - shares >= top_p[:, None]
    outside[:, 0] = False
    return scores.masked_fill(torch.zeros_like(outside).scatter(-1, tokens, outside), -torch.inf)


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
