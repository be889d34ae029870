"""What teaching takes of a GPU's memory, by arithmetic on the configuration: computed, and measured by nobody yet.

Bytes of one position in one layer are counted from what autograd keeps for the gradient, operation by operation, with
everything computed in two bytes and norms in four.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from model.finetune.course import Method
from model.finetune.loss import PLACES
from model.memory.footprint import Footprint

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
    more in two bytes, while it is computed with. ``kept``: for the gradient, between the layers or in all of them.
    ``layer``: where layers are computed again, that of one, and its gradients. ``scores``: of as many places as are
    scored at once.
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
        layer = positions * _layer_bytes(footprint, adapted=method == "lora")
        parts = {
            "weights": weights,
            "learning": _LEARNING * learning,
            "casts": 2 * (adapter if method == "lora" else footprint.linears + footprint.head),
            "kept": footprint.layers * (stream if recompute else layer),
            "layer": 2 * layer if recompute else layer,
            "scores": _SCORE * min(PLACES, positions) * footprint.vocabulary,
        }
        return cls(**parts, spare=sum(parts.values()) // _SPARE_SHARE)


def _layer_bytes(footprint: Footprint, *, adapted: bool) -> int:
    """Of one position, kept for the gradient of one layer.

    Each norm keeps its input in float32, what it gives, and the sum behind it; attention its rotated queries and keys,
    values and result; the feed-forward gate, its activation, the other half and the product. An adapter keeps the input
    of each map behind dropout, and the mask.
    """
    hidden, inner, queries, keys = footprint.hidden, footprint.inner, footprint.queries, footprint.keys
    plain = 2 * hidden * (4 + 2 + 2) + 2 * (3 * queries + 3 * keys) + 2 * 4 * inner
    return plain + (3 * (5 * hidden + queries + inner) if adapted else 0)
