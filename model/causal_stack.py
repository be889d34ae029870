"""A tokenizer encoder as the hardware likes it: [batch, time, channels], few large operations, ragged batches.

The weights are those of Transformers' ``VibeVoiceAcousticTokenizerEncoderModel``; the arithmetic is the same up to
rounding, and tests compare the two. What is different:

* convolutions are matrix products over strided windows; the generic convolution is most of the encoder's time on a CPU;
* convolutions with nothing between them, the first of them without bias, are one convolution;
* the depthwise convolution is shifted multiply-adds with the layer scale folded into its taps, in the layout that the
  norm before it and the feed-forward behind it want, so that nothing is transposed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import gelu, linear, rms_norm

Memory = dict[int, torch.Tensor]
"""What a stack remembers of one stream: for each operation with a history, its last inputs [left_pad, channels]."""

_Recall = Callable[[torch.Tensor, int], torch.Tensor]
"""(inputs [rows, time, channels], left_pad) → [rows, left_pad + time, channels]: each row's history in front."""


class CausalStack:
    """One encoder over many streams, each with its own history."""

    def __init__(self, encoder: Any) -> None:
        """``encoder``: Transformers' encoder module, its weights on their final device and in their final dtype."""
        self._operations = list(_merged(_operations(encoder)))

    def __call__(self, audio: torch.Tensor, memories: list[Memory], frames: list[int]) -> torch.Tensor:
        """Encode and advance the memories.

        ``audio``: [rows, longest * hop], right-padded; ``frames``: whole frames each row really has. Returns latents
        [rows, longest, width], of which row ``i`` has ``frames[i]``.
        """
        hidden = audio[:, :, None]
        for number, operation in enumerate(self._operations):

            def recall(inputs: torch.Tensor, left_pad: int, number: int = number) -> torch.Tensor:
                return _recall(inputs, left_pad, number, memories, frames)

            hidden = operation(hidden, recall)
        return hidden


def _recall(
    inputs: torch.Tensor, left_pad: int, number: int, memories: list[Memory], frames: list[int]
) -> torch.Tensor:
    """Put each row's history in front of it, and remember the inputs before the row's own end for the next time.

    Padding behind a row's end never enters its history. A stream that has heard nothing remembers silence.
    """
    silence = inputs.new_zeros(left_pad, inputs.shape[2])
    joined = torch.cat([torch.stack([memory.get(number, silence) for memory in memories]), inputs], dim=1)
    longest = max(frames)
    for row, (memory, count) in enumerate(zip(memories, frames, strict=True)):
        end = count * inputs.shape[1] // longest
        memory[number] = joined[row, end : end + left_pad].clone()
    return joined


@dataclass(frozen=True, slots=True)
class _Convolution:
    """``weight``: [taps, channels in, channels out]; ``bias``: [channels out]."""

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int

    def __call__(self, hidden: torch.Tensor, recall: _Recall) -> torch.Tensor:
        taps, channels, width = self.weight.shape
        joined = recall(hidden, taps - self.stride)
        rows, steps = hidden.shape[0], hidden.shape[1] // self.stride
        windows = joined.as_strided((rows, steps, taps * channels), (joined.stride(0), self.stride * channels, 1))
        product = torch.addmm(self.bias, windows.reshape(-1, taps * channels), self.weight.view(-1, width))
        return product.view(rows, steps, width)

    def then(self, other: _Convolution) -> _Convolution:
        """This convolution with ``other`` behind it, as one.

        Exact only without a bias here: before the start of a stream ``other`` sees zeros, which is what this one makes
        of silence if it has no bias.
        """
        own, taps = self.weight.shape[0], other.weight.shape[0]
        merged = self.weight.new_zeros(own + (taps - 1) * self.stride, self.weight.shape[1], other.weight.shape[2])
        for tap in range(taps):
            first = tap * self.stride
            merged[first : first + own] += self.weight @ other.weight[tap]
        return _Convolution(merged, other.bias, self.stride * other.stride)


@dataclass(frozen=True, slots=True)
class _Mixer:
    """Norm, causal depthwise convolution, residual. ``taps``: [kernel, channels], ``bias``: [channels], both scaled."""

    norm: torch.Tensor
    eps: float
    taps: torch.Tensor
    bias: torch.Tensor

    def __call__(self, hidden: torch.Tensor, recall: _Recall) -> torch.Tensor:
        joined = recall(rms_norm(hidden, self.norm.shape, self.norm, self.eps), self.taps.shape[0] - 1)
        time = hidden.shape[1]
        mixed = hidden + self.bias
        for place, tap in enumerate(self.taps):
            mixed.addcmul_(joined[:, place : place + time], tap)
        return mixed


@dataclass(frozen=True, slots=True)
class _FeedForward:
    """Norm, two linear maps with GELU between, layer scale, residual."""

    norm: torch.Tensor
    eps: float
    inner: Any
    outer: Any
    scale: torch.Tensor

    def __call__(self, hidden: torch.Tensor, _recall: _Recall) -> torch.Tensor:
        wide = gelu(linear(rms_norm(hidden, self.norm.shape, self.norm, self.eps), self.inner.weight, self.inner.bias))
        return torch.addcmul(hidden, linear(wide, self.outer.weight, self.outer.bias), self.scale)


_Operation = _Convolution | _Mixer | _FeedForward


def _operations(encoder: Any) -> Iterator[_Operation]:
    yield _convolution(encoder.stem.conv)
    for block in encoder.stem.stage:
        yield from _block(block)
    for layer in encoder.conv_layers:
        yield _convolution(layer.conv)
        for block in layer.stage:
            yield from _block(block)
    yield _convolution(encoder.head)


def _convolution(module: Any) -> _Convolution:
    conv = module.conv
    weight = conv.weight.detach().permute(2, 1, 0).contiguous()
    return _Convolution(weight, conv.bias.detach(), conv.stride[0])


def _block(block: Any) -> Iterator[_Operation]:
    gamma, mixer = block.gamma.detach(), block.mixer.conv
    taps = (mixer.weight.detach()[:, 0] * gamma[:, None]).t().contiguous()
    yield _Mixer(block.norm.weight.detach(), block.norm.variance_epsilon, taps, mixer.bias.detach() * gamma)
    ffn, norm = block.ffn, block.ffn_norm
    yield _FeedForward(norm.weight.detach(), norm.variance_epsilon, ffn.linear1, ffn.linear2, block.ffn_gamma.detach())


def _merged(operations: Iterator[_Operation]) -> Iterator[_Operation]:
    """Fold a convolution without bias into the convolution right behind it."""
    held: _Convolution | None = None
    for operation in operations:
        if isinstance(operation, _Convolution):
            if held is not None and not held.bias.any():
                held = held.then(operation)
                continue
            if held is not None:
                yield held
            held = operation
        else:
            if held is not None:
                yield held
            held = None
            yield operation
    if held is not None:
        yield held
