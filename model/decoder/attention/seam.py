"""How Transformers' decoder layers reach the pages: an attention function of our own, and the plan it asks.

The layers call an attention function by name; ours, ``vibevoice_paged``, gets a ``Rows`` plan through the forward's
keyword arguments. Without a plan (``generate``, the oracle of the tests) it hands over to Transformers' SDPA, so one
loaded model serves both.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

PAGED = "vibevoice_paged"


class Rows(Protocol):
    """How the queries of one packed step attend: built once per step, asked by every layer."""

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """Write ``key`` and ``value`` to their slots, then attend.

        ``query``: [positions, heads, head_dim]; ``key``, ``value``: [positions, kv_heads, head_dim], the rows of the
        step one behind the other. Returns [positions, heads, head_dim].
        """
        ...


def _paged_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float,
    rows: Rows | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Transformers' calling convention: [1, heads, positions, head_dim] in, [1, positions, heads, head_dim] out."""
    if rows is None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    layer = int(module.layer_idx)  # type: ignore[arg-type]  # an int attribute of every decoder layer's attention
    out = rows.attend(layer, query[0].transpose(0, 1), key[0].transpose(0, 1), value[0].transpose(0, 1), scaling)
    return out[None], None


def install() -> None:
    """Make ``vibevoice_paged`` known to Transformers; harmless when repeated."""
    AttentionInterface.register(PAGED, _paged_attention)
    AttentionMaskInterface.register(PAGED, sdpa_mask)
