"""Linear maps with a byte per weight: signed integers, or floats of eight bits, with a scale for each row.

A row of the result depends on its own row of the input alone, so that no answer depends on the company in the batch.
"""

from __future__ import annotations

import torch
from torch.nn.functional import linear

_FP8 = torch.float8_e4m3fn
_FP8_LARGEST = torch.finfo(_FP8).max
_INT8_LARGEST = 127
_FEW = 16
"""Rows up to which reading the weights takes longer than computing."""
_BLOCK = 1024
"""Rows of weights that are made whole at a time on a CPU, where they stay in its cache."""
_BF16_CPU = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
"""Whether the CPU multiplies matrices in bfloat16 faster than in float32."""
_PACKED_MULTIPLE = 32
"""torch's kernel for a CPU reads beyond the end of rows whose length is no multiple of its vectors."""


class _Quantised(torch.nn.Module):
    """``weight``: [out, in] of one byte each; ``scale``: [out] of the model's dtype or float32; ``bias``: [out]."""

    weight: torch.Tensor
    scale: torch.Tensor
    bias: torch.Tensor | None

    def __init__(self, weight: torch.Tensor, scale: torch.Tensor, bias: torch.Tensor | None) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.register_buffer("weight", weight)
        self.register_buffer("scale", scale)
        self.register_buffer("bias", bias)


class Int8Linear(_Quantised):
    """Weights in int8, computed in the input's own dtype."""

    @classmethod
    def of(cls, weight: torch.Tensor, bias: torch.Tensor | None) -> Int8Linear:
        """``weight``: [out, in] in any float dtype, which the results will have."""
        scale = _row_scale(weight, _INT8_LARGEST).to(weight.dtype)  # rounded first, so that it is exact
        whole = (weight.float() / scale[:, None]).round_().clamp_(-_INT8_LARGEST, _INT8_LARGEST)
        return cls(whole.to(torch.int8), scale, bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """[..., in] → [..., out]."""
        rows = hidden.reshape(-1, self.in_features)
        if self._packed(rows):
            product = torch._weight_int8pack_mm(rows.contiguous(), self.weight, self.scale)
        elif rows.device.type == "cpu":
            product = rows.new_empty(len(rows), self.out_features)
            for part, weight in zip(torch.split(product, _BLOCK, 1), torch.split(self.weight, _BLOCK), strict=True):
                part.copy_(linear(rows, weight.to(rows.dtype)))
            product.mul_(self.scale)
        else:  # made whole for a moment: slower to read than two bytes would be, but half as much to keep
            product = linear(rows, self.weight.to(rows.dtype)).mul_(self.scale)
        product = product.view(*hidden.shape[:-1], self.out_features)
        return product if self.bias is None else product.add_(self.bias)

    def _packed(self, rows: torch.Tensor) -> bool:
        """Whether torch's kernel that reads the weights as they are is the faster one; see ``bench.parts.linears``."""
        if rows.device.type != "cpu" or rows.dtype != torch.bfloat16 or self.in_features % _PACKED_MULTIPLE:
            return False
        return len(rows) <= _FEW or not _BF16_CPU


class Fp8Linear(_Quantised):
    """Weights and inputs in fp8 (e4m3), each row of inputs scaled by its own largest number."""

    @classmethod
    def of(cls, weight: torch.Tensor, bias: torch.Tensor | None) -> Fp8Linear:
        """``weight``: [out, in] in any float dtype."""
        scale = _row_scale(weight, _FP8_LARGEST)
        return cls((weight.float() / scale[:, None]).to(_FP8), scale, bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """[..., in] → [..., out], in the dtype of the input."""
        rows = hidden.reshape(-1, self.in_features)
        row_scale = _row_scale(rows, _FP8_LARGEST)
        small = (rows / row_scale.to(rows.dtype)[:, None]).to(_FP8)
        # Scaled behind the product: that runs on every GPU with fp8, scales of rows inside of it on newer ones.
        one = row_scale.new_ones(())
        product = torch._scaled_mm(small, self.weight.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16)
        product = product.mul_(row_scale[:, None]).mul_(self.scale).to(hidden.dtype)
        product = product.view(*hidden.shape[:-1], self.out_features)
        return product if self.bias is None else product.add_(self.bias)


def _row_scale(rows: torch.Tensor, largest: float) -> torch.Tensor:
    """[rows] float32: what makes the largest number of each row ``largest``; rows of zeros stay so."""
    return rows.abs().amax(-1).float().clamp(min=1e-12) / largest
