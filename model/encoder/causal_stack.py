"""A tokenizer encoder as the hardware likes it: [batch, time, channels], few large operations, ragged batches.

The weights are those of Transformers' ``VibeVoiceAcousticTokenizerEncoderModel``; the arithmetic is the same up to
rounding, and tests compare the two. What is different:

* convolutions are matrix products over strided windows; the generic convolution is most of the encoder's time on a CPU;
* convolutions with nothing between them, the first of them without bias, are one convolution;
* the depthwise convolution is shifted multiply-adds with the layer scale folded into its taps, in the layout that the
  norm before it and the feed-forward behind it want, so that nothing is transposed. Its sums are float32 in every dtype
  of the model: with a rounding per tap, bfloat16 embeddings would be farther from float32 than the modules' are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch.nn.functional import gelu, linear, rms_norm

from model.device.triton_trial import obstacle


@dataclass(slots=True)
class History:
    """What a stack has to keep of one stream.

    ``values``: the last inputs of each operation that looks back, one behind the other, [history_size]; None before the
    stream has heard anything, which is the same as having heard silence.
    """

    values: torch.Tensor | None = None


class CausalStack:
    """One encoder over many streams, each with its own history.

    Attributes:
        hop: samples per frame.
        history_size: numbers that are kept of a stream.
    """

    def __init__(self, encoder: Any) -> None:
        """``encoder``: Transformers' encoder module, its weights on their final device and in their final dtype."""
        self._operations = list(_merged(_operations(encoder)))
        self.hop = prod(each.stride for each in self._operations if isinstance(each, _Convolution))
        self.history_size = sum(operation.history for operation in self._operations)

    def batch(self, histories: list[History], like: torch.Tensor) -> torch.Tensor:
        """Histories of a batch, [rows, history_size], on the device and in the dtype of ``like``."""
        silence = like.new_zeros(self.history_size)
        return torch.stack([silence if history.values is None else history.values for history in histories])

    def run(
        self, audio: torch.Tensor, histories: torch.Tensor, longest: int, counts: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Latents and histories after; touches nothing but what it is given, so it can be recorded.

        ``audio``: [rows, longest * hop], right-padded; ``histories``: [rows, history_size]; ``counts``: [rows] frames
        that each row really has, None where all have ``longest``. Latents: [rows, longest, width].
        """
        history = _BatchHistory(histories, longest, counts)
        hidden = audio[:, :, None]
        for operation in self._operations:
            hidden = operation(hidden, history.prepend)
        return hidden, history.after()


def keep(histories: list[History], after: torch.Tensor) -> None:
    """Give each stream its row, as a tensor of its own: a view would keep those of the whole batch alive."""
    for history, row in zip(histories, after, strict=True):
        history.values = row.clone()


_Prepend = Callable[[torch.Tensor, int], torch.Tensor]
"""(inputs [rows, time, channels], left_pad) → [rows, left_pad + time, channels]: each row's history in front."""

_Mix = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


class _BatchHistory:
    """The histories of a batch on their way through the operations, which come in the same order every time."""

    def __init__(self, histories: torch.Tensor, longest: int, counts: torch.Tensor | None) -> None:
        self._before, self._longest, self._counts = histories, longest, counts
        self._read = 0
        self._kept: list[torch.Tensor] = []

    def prepend(self, inputs: torch.Tensor, left_pad: int) -> torch.Tensor:
        """Put each row's history in front of it, and keep the inputs before the row's own end for the next time.

        Padding behind a row's end never enters its history.
        """
        rows, time, channels = inputs.shape
        size = left_pad * channels
        before = self._before[:, self._read : self._read + size].view(rows, left_pad, channels)
        self._read += size
        joined = torch.cat([before, inputs], dim=1)
        if self._counts is None:
            kept = joined[:, time:].clone()  # a view would keep all inputs alive until the batch is done
        else:
            ends = self._counts[:, None] * (time // self._longest) + torch.arange(left_pad, device=inputs.device)
            kept = joined.gather(1, ends[:, :, None].expand(-1, -1, channels))
        self._kept.append(kept.reshape(rows, size))
        return joined

    def after(self) -> torch.Tensor:
        return torch.cat(self._kept, dim=1)


@dataclass(frozen=True, slots=True)
class _Convolution:
    """``weight``: [taps, channels in, channels out]; ``bias``: [channels out]."""

    weight: torch.Tensor
    bias: torch.Tensor
    stride: int

    @property
    def history(self) -> int:
        return (self.weight.shape[0] - self.stride) * self.weight.shape[1]

    def __call__(self, hidden: torch.Tensor, prepend: _Prepend) -> torch.Tensor:
        taps, channels, width = self.weight.shape
        joined = prepend(hidden, taps - self.stride)
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
        shape = own + (taps - 1) * self.stride, self.weight.shape[1], other.weight.shape[2]
        merged = self.weight.new_zeros(shape, dtype=torch.float32)
        for tap in range(taps):
            first = tap * self.stride
            merged[first : first + own] += self.weight.float() @ other.weight[tap].float()
        return _Convolution(merged.to(self.weight.dtype), other.bias, self.stride * other.stride)


@dataclass(frozen=True, slots=True)
class _Mixer:
    """Norm, causal depthwise convolution, residual.

    ``taps``: [kernel, channels], ``bias``: [channels], both scaled and in float32 whatever the model's dtype.
    """

    norm: torch.Tensor
    eps: float
    taps: torch.Tensor
    bias: torch.Tensor
    mix: _Mix

    @property
    def history(self) -> int:
        return (self.taps.shape[0] - 1) * self.taps.shape[1]

    def __call__(self, hidden: torch.Tensor, prepend: _Prepend) -> torch.Tensor:
        joined = prepend(rms_norm(hidden, self.norm.shape, self.norm, self.eps), self.taps.shape[0] - 1)
        return self.mix(hidden, joined, self.taps, self.bias)


_BLOCK = 1 << 18
"""Numbers that are mixed at a time where float32 copies of them are needed: few enough to stay in a CPU's cache."""


def _mix(hidden: torch.Tensor, joined: torch.Tensor, taps: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``hidden + bias + conv(joined)``; see ``depthwise_kernel.mix`` for the shapes."""
    if hidden.dtype == torch.float32:
        return _sum_taps(hidden, joined, taps, bias)
    if hidden.device.type != "cpu":
        return _sum_taps(hidden.float(), joined.float(), taps, bias).to(hidden.dtype)
    out = torch.empty_like(hidden)
    time, channels = hidden.shape[1:]
    step = max(1, _BLOCK // channels)
    for row in range(len(hidden)):
        for start in range(0, time, step):
            part = hidden[row, start : start + step]
            behind = start + len(part) + len(taps) - 1
            out[row, start : start + step] = _sum_taps(part.float(), joined[row, start:behind].float(), taps, bias)
    return out


def _sum_taps(hidden: torch.Tensor, joined: torch.Tensor, taps: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """``_mix`` of [..., time, channels], all in one dtype."""
    time = hidden.shape[-2]
    mixed = hidden + bias
    for place, tap in enumerate(taps):
        mixed.addcmul_(joined[..., place : place + time, :], tap)
    return mixed


def _mix_on(device: torch.device) -> _Mix:
    """The fastest way to mix on a device."""
    if obstacle(device) is not None:
        return _mix
    from model.encoder.depthwise_kernel import mix

    return mix


@dataclass(frozen=True, slots=True)
class _FeedForward:
    """Norm, two linear maps with GELU between, layer scale, residual."""

    norm: torch.Tensor
    eps: float
    inner: Any
    outer: Any
    scale: torch.Tensor
    history = 0

    def __call__(self, hidden: torch.Tensor, _prepend: _Prepend) -> torch.Tensor:
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
    gamma, mixer = block.gamma.detach().float(), block.mixer.conv
    taps = (mixer.weight.detach()[:, 0] * gamma[:, None]).t().contiguous()  # float32: the product is not rounded
    norm, mix = block.norm, _mix_on(taps.device)
    yield _Mixer(norm.weight.detach(), norm.variance_epsilon, taps, mixer.bias.detach() * gamma, mix)
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
