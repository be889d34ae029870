"""Low-rank updates beside the decoder's linear maps, another one for each row of a step.

All adapters stand side by side in two matrices beside each map, ``down`` [in, ranks] and ``up`` [ranks, out], where
``ranks`` are those of all adapters one behind the other. A step multiplies by both and sets to zero in between what is
not of a row's own adapter, so that rows of any adapters share a step: no row is sorted, gathered or waited for, every
buffer stays where it is, as a recorded step needs, and one order of summation stays one. What that costs beside the map
is (in + out) * ranks of in * out: for eight adapters of rank 16 and the full-size model four to seven in a hundred. A
step that is not recorded and has no row with an adapter leaves it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import VibeVoiceAsrForConditionalGeneration

NONE = 0
"""The number of no adapter: the checkpoint as it is. Adapters are numbered from 1 on."""

Place = tuple[int, str]
"""A layer's number, and the name of one of its maps, see ``model.seam.adapters.MODULES``."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """``maps``: (down [rank, in], up [out, rank]) by place, as peft has them; what they are multiplied by is in ``up``.

    Places that it does not touch are not there.
    """

    name: str
    rank: int
    maps: dict[Place, tuple[torch.Tensor, torch.Tensor]]


class AdapterRows:
    """Which rows of the step that runs are of which adapter."""

    def __init__(self, ranks: Sequence[int], dtype: torch.dtype, device: torch.device) -> None:
        """``ranks``: of the adapters in order of their numbers."""
        owners = [number for number, rank in enumerate(ranks, start=NONE + 1) for _ in range(rank)]
        self._owners = torch.tensor(owners, dtype=torch.int32, device=device)
        self._dtype = dtype
        self.mine: torch.Tensor | None = None
        """[positions, ranks]: 1 where a rank is of the position's adapter, else 0. None: no position has any."""

    def choose(self, numbers: torch.Tensor | None) -> None:
        """``numbers``: [positions] integer, of each position's adapter; None where none has any."""
        self.mine = None if numbers is None else (numbers[:, None] == self._owners).to(self._dtype)


class AdaptedLinear(torch.nn.Module):
    """A linear map of any format with adapters beside it."""

    down: torch.Tensor
    up: torch.Tensor

    def __init__(self, linear: torch.nn.Module, down: torch.Tensor, up: torch.Tensor, rows: AdapterRows) -> None:
        super().__init__()
        self.linear = linear
        self._rows = rows
        self.register_buffer("down", down)
        self.register_buffer("up", up)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """[..., in] → [..., out]."""
        result: torch.Tensor = self.linear(hidden)
        if (mine := self._rows.mine) is None:
            return result
        low = torch.mm(hidden.reshape(-1, hidden.shape[-1]), self.down).mul_(mine)
        result.view(-1, result.shape[-1]).addmm_(low, self.up)
        return result


class Adapters:
    """The adapters of a decoder, by name, in its linear maps."""

    def __init__(self, model: VibeVoiceAsrForConditionalGeneration, adapters: Sequence[Adapter]) -> None:
        """Puts them beside the maps of ``model``, which are where and in what they will be computed."""
        weight = model.lm_head.weight
        self.names = tuple(adapter.name for adapter in adapters)
        self.rows = AdapterRows([each.rank for each in adapters], weight.dtype, weight.device)
        for number, layer in enumerate(model.model.language_model.layers):
            for part in (layer.self_attn, layer.mlp):
                _adapt(part, number, adapters, self.rows, weight)

    def number(self, name: str | None) -> int:
        """Raises ValueError for a name that no adapter has."""
        return NONE if name is None else self.names.index(name) + NONE + 1


def _adapt(part: Any, layer: int, adapters: Sequence[Adapter], rows: AdapterRows, like: torch.Tensor) -> None:
    """Wrap those maps of a layer's part that an adapter touches. ``like``: has the dtype and device of the others."""
    for name, linear in list(part.named_children()):
        found = [adapter.maps.get((layer, name)) for adapter in adapters]
        first = next((each for each in found if each is not None), None)
        if first is None:
            continue
        wide, out = first[0].shape[1], first[1].shape[0]
        ranks = sum(adapter.rank for adapter in adapters)
        down, up = like.new_zeros(wide, ranks), like.new_zeros(ranks, out)
        place = 0
        for adapter, maps in zip(adapters, found, strict=True):
            if maps is not None:
                mine = slice(place, place + len(maps[0]))  # a map's rank may be below the adapter's largest
                down[:, mine], up[mine] = maps[0].t().to(down), maps[1].t().to(up)
            place += adapter.rank
        setattr(part, name, AdaptedLinear(linear, down, up, rows))
