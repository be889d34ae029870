"""The encoders as matrix products over [batch, time, channels]: the same numbers as the modules, trained faster.

On CPUs the gradient of a depthwise convolution, and anything at 24 kHz, costs most of a step. Everything before the
first block is linear here (the configuration puts no blocks there), so the first three convolutions act as one filter
bank: 176 taps every 80 samples. This is exact as long as the first two have no bias, because padding with zeros then
equals running over silence; training keeps those biases at zero.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional

_CAN = torch.cpu.get_capabilities()
_BF16 = {"cuda"} | ({"cpu"} if _CAN.get("avx512_bf16") or _CAN.get("amx_bf16") else set())
"""The kinds of device here that multiply in bf16. On processors that do not, training is faster in fp32."""


def precision(device: torch.device) -> AbstractContextManager[object]:
    """Within it, products are made at the precision that trains fastest on a device."""
    return torch.autocast(device.type, torch.bfloat16) if device.type in _BF16 else nullcontext()


class _Depthwise(torch.autograd.Function):
    """Causal depthwise convolution over [B, T, C] as shifted multiply-adds; weight is [C, K]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        taps = weight.shape[1]
        out = x * weight[:, -1]
        for shift in range(1, taps):
            out[:, shift:].addcmul_(x[:, :-shift], weight[:, -1 - shift])
        return out

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors  # type: ignore[attr-defined]
        grad = grad.contiguous()
        taps = weight.shape[1]
        grad_x = grad * weight[:, -1]
        grad_weight = torch.empty_like(weight)
        grad_weight[:, -1] = (x * grad).sum((0, 1))
        for shift in range(1, taps):
            grad_x[:, :-shift].addcmul_(grad[:, shift:], weight[:, -1 - shift])
            grad_weight[:, -1 - shift] = (x[:, :-shift] * grad[:, shift:]).sum((0, 1))
        return grad_x, grad_weight


def _rms_norm(norm: nn.Module, x: Tensor) -> Tensor:
    return functional.rms_norm(x, (x.shape[-1],), norm.weight, norm.variance_epsilon)  # type: ignore[arg-type]


def _block(block: Any, x: Tensor) -> Tensor:
    mixer = block.mixer.conv
    mixed = _Depthwise.apply(  # type: ignore[no-untyped-call]
        _rms_norm(block.norm, x), mixer.weight[:, 0] * block.gamma[:, None]
    )
    x = x + mixed + mixer.bias * block.gamma
    hidden = functional.gelu(block.ffn.linear1(_rms_norm(block.ffn_norm, x)))
    scaled = block.ffn.linear2
    return x + functional.linear(hidden, scaled.weight * block.ffn_gamma[:, None], scaled.bias * block.ffn_gamma)


def _strided(conv: nn.Conv1d, x: Tensor) -> Tensor:
    """A causal convolution whose kernel is twice its stride: a product of this block of samples and the one before."""
    stride = conv.stride[0]
    batch, time, channels = x.shape
    blocks = x.reshape(batch, time // stride, stride * channels)
    before = functional.pad(blocks, (0, 0, 1, 0))[:, :-1]
    kernel = conv.weight.permute(0, 2, 1).reshape(conv.out_channels, -1)
    return functional.linear(torch.cat([before, blocks], dim=-1), kernel, conv.bias).float()


def _filter_bank(encoder: Any, samples: Tensor) -> Tensor:
    stem = encoder.stem.conv.conv
    first, second = (encoder.conv_layers[index].conv.conv for index in (0, 1))
    kernel = functional.conv_transpose1d(first.weight, stem.weight)
    kernel = functional.conv_transpose1d(second.weight, kernel, stride=first.stride)[:, 0]
    step = first.stride[0] * second.stride[0]
    padding = (stem.kernel_size[0] - 1) + first.stride[0] + step
    windows = functional.pad(samples, (padding, 0)).unfold(-1, kernel.shape[1], step)
    return functional.linear(windows, kernel, second.bias).float()


def encode(encoder: Any, samples: Tensor) -> tuple[Tensor, Tensor]:
    """What `encoder(samples[:, None]).latents` gives, for samples [B, T] with T a multiple of the hop.

    Also what its third stage gives, at 60 steps a second.
    """
    x = fine = _filter_bank(encoder, samples)
    for index, layer in enumerate(encoder.conv_layers):
        if index > 1:
            x = _strided(layer.conv.conv, x)
        if index > 0:
            for block in layer.stage:
                x = _block(block, x)
        if index == 2:
            fine = x
    head = encoder.head.conv
    x = functional.pad(x, (0, 0, head.kernel_size[0] - 1, 0)).unfold(1, head.kernel_size[0], 1)
    return functional.linear(x.flatten(2), head.weight.flatten(1), head.bias), fine
