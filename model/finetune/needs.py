"""What teaching takes of a GPU's memory, by arithmetic on the configuration.

Bytes of one position in one layer are counted from what autograd keeps for the gradient, operation by operation, with
everything computed in two bytes and norms in four. For the bundled checkpoint a test counts the tensors that are kept;
no GPU has been asked.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from model.finetune.course import Method
from model.finetune.loss import PLACES
from model.memory.footprint import Footprint
from model.seam.adapters import MODULES

_LEARNING = 12
"""Bytes beside the weight of a number that learns: its gradient and two moments, in float32."""
_SCORE = 14
"""Of one score: in two bytes, in float32, its exponential and its gradient."""
_SPARE_SHARE = 32
"""One part in so many is left to fragmentation, as by ``model.memory.plan``."""


@dataclass(frozen=True, slots=True)
class Needs:
    """Bytes by what they are for.

    ``weights``: all of them, what learns in float32. ``learning``: gradients and moments. ``casts``: what learns, once
    more in two bytes, while it is computed with. ``kept``: for the gradient, between the layers or in all of them, and
    behind them. ``layer``: where layers are computed again, that of one, and its gradients. ``scores``: of as many
    places as are scored at once.
    """

    weights: int
    learning: int
    casts: int
    kept: int
    layer: int
    scores: int
    spare: int

    @property
    def total(self) -> int:
        return sum(getattr(self, each.name) for each in fields(self))

    @classmethod
    def of(cls, footprint: Footprint, *, method: Method, rank: int, recompute: bool, positions: int) -> Needs:
        """``positions``: of all recordings that are computed at once."""
        decoder, adapter = footprint.decoder, footprint.adapter_numbers(rank)
        learning = adapter if method == "lora" else decoder
        weights = 2 * (footprint.encoders + footprint.convolutions)
        weights += 2 * decoder + 4 * adapter if method == "lora" else 4 * decoder
        stream = (2 if method == "lora" else 4) * footprint.hidden * positions
        # The last norm: its input, and what it gives where it learns; and the places that are scored.
        ends = (4 + 2 if method == "lora" else 4 + 4 + 4) * footprint.hidden * positions
        layer = positions * _layer_bytes(footprint, rank=rank if method == "lora" else None)
        parts = {
            "weights": weights,
            "learning": _LEARNING * learning,
            "casts": 2 * (adapter if method == "lora" else footprint.linears + footprint.head),
            "kept": footprint.layers * (stream if recompute else layer) + ends,
            "layer": 2 * layer if recompute else layer,
            "scores": _SCORE * min(PLACES, positions) * footprint.vocabulary,
        }
        return cls(**parts, spare=sum(parts.values()) // _SPARE_SHARE)


def _layer_bytes(footprint: Footprint, *, rank: int | None) -> int:
    """Of one position, kept for the gradient of one layer. ``rank``: of an adapter, None where the decoder learns.

    Both keep rotated queries and keys, values and result of attention, and of the feed-forward gate, activation and
    other half. Beside an adapter a norm keeps its input in float32, and each map its input behind dropout, the mask and
    what comes between the adapter's halves. Where the decoder itself learns, a norm keeps what it gives as well, in
    float32, of which each of five maps keeps a copy in two bytes, and the feed-forward keeps its product.
    """
    hidden, inner, queries, keys = footprint.hidden, footprint.inner, footprint.queries, footprint.keys
    attention = 2 * (2 * queries + 2 * keys)
    if rank is None:
        return 2 * 2 * 4 * hidden + 2 * 5 * hidden + attention + 2 * 4 * inner
    return 2 * 4 * hidden + attention + 2 * 3 * inner + 3 * dropped(footprint) + 2 * len(MODULES) * rank


def dropped(footprint: Footprint) -> int:
    """Numbers of one position that go through dropout in one layer, in front of the adapter."""
    return 5 * footprint.hidden + footprint.queries + footprint.inner
