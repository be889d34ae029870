"""The causal depthwise convolution of the encoders as one Triton kernel, with the residual in it.

Spelled out in torch it is a shifted multiply-add per tap, each of which reads and writes everything once more; on a
GPU, where the encoders are bound by memory, that would be most of their time.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl

_BLOCK = 1024


def mix(hidden: torch.Tensor, joined: torch.Tensor, taps: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``hidden + bias + conv(joined)``.

    ``hidden``: [rows, time, channels]; ``joined``: [rows, kernel - 1 + time, channels]; ``taps``: [kernel, channels];
    ``bias``: [channels]. Sums in float32 whatever the dtypes are. Returns [rows, time, channels], as ``hidden``.
    """
    hidden = hidden.contiguous()
    rows, time, channels = hidden.shape
    out = torch.empty_like(hidden)
    size = time * channels
    _mix[(triton.cdiv(size, _BLOCK), rows)](
        hidden, joined, taps, bias, out, size, channels, KERNEL=taps.shape[0], BLOCK=_BLOCK
    )
    return out


@triton.jit
def _mix(  # type: ignore[no-untyped-def]  # Triton reads the annotations itself
    hidden, joined, taps, bias, out, size, channels, KERNEL: tl.constexpr, BLOCK: tl.constexpr
):
    """One block of the flattened [time, channels] of one row; a tap further is ``channels`` numbers further."""
    row = tl.program_id(1).to(tl.int64)
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < size
    channel = at % channels
    total = tl.load(hidden + row * size + at, mask=inside, other=0.0).to(tl.float32)
    total += tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)
    joined += row * (size + (KERNEL - 1) * channels)
    for tap in tl.static_range(KERNEL):
        weight = tl.load(taps + tap * channels + channel, mask=inside, other=0.0).to(tl.float32)
        total += weight * tl.load(joined + tap * channels + at, mask=inside, other=0.0).to(tl.float32)
    tl.store(out + row * size + at, total.to(out.dtype.element_ty), mask=inside)
