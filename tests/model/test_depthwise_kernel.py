"""The encoders' Triton kernel equals the same arithmetic spelled out in torch."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest
import torch

from model.encoder.causal_stack import CausalStack, History
from tests.model.test_causal_stack import encode, random_encoder

SHAPES = [(1, 1, 8, 7), (3, 5, 48, 7), (2, 700, 6, 4)]


def spelled_out(hidden: torch.Tensor, joined: torch.Tensor, taps: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    weight = taps.t()[:, None]
    return hidden + torch.conv1d(joined.transpose(1, 2), weight, bias, groups=len(weight)).transpose(1, 2)


@pytest.mark.parametrize(("rows", "time", "channels", "kernel"), SHAPES)
def test_mix_equals_the_convolution(
    interpreted: Callable[[str], ModuleType], rows: int, time: int, channels: int, kernel: int
) -> None:
    torch.manual_seed(0)
    hidden = torch.randn(rows, time, channels)
    joined, taps, bias = (
        torch.randn(rows, kernel - 1 + time, channels),
        torch.randn(kernel, channels),
        torch.randn(channels),
    )
    mixed = interpreted("model.encoder.depthwise_kernel").mix(hidden, joined, taps, bias)
    torch.testing.assert_close(mixed, spelled_out(hidden, joined, taps, bias), atol=1e-5, rtol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def test_the_stack_on_the_gpu_equals_the_cpu(dtype: torch.dtype) -> None:
    encoder = random_encoder([1, 2, 1, 1], (2, 4, 5), biased=True)
    audio = torch.randn(2, 6 * encoder.config.hop_length)
    with torch.inference_mode():
        wanted = encode(CausalStack(encoder), audio, [History(), History()], [6, 4])
        stack = CausalStack(encoder.to("cuda", dtype))
        got = encode(stack, audio.to("cuda", dtype), [History(), History()], [6, 4]).float().cpu()
    scale = wanted.std().item()
    assert (got - wanted)[0].abs().max() < (1e-3 if dtype is torch.float32 else 0.2) * scale
    assert (got - wanted)[1, :4].abs().max() < (1e-3 if dtype is torch.float32 else 0.2) * scale
