"""How fast a device could be at best: bytes that must move and operations that must be done, over measured rates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import VibeVoiceAsrForConditionalGeneration

from bench.support.oracle import without_noise
from model.decoder.dimensions import bytes_per_position, head_dim, language_config
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint

_WARM_UPS = 2
_MOST = 30


@dataclass(frozen=True, slots=True)
class Rates:
    """What the device was seen to do. ``bandwidth``: bytes per second, read and written; ``flops``: per second."""

    bandwidth: float
    flops: float

    def floor(self, bytes_moved: float, flops: float) -> float:
        """Seconds that no version can beat by much."""
        return max(bytes_moved / self.bandwidth, flops / self.flops)


def measure_rates(device: torch.device, dtype: torch.dtype, *, copy_bytes: int, side: int) -> Rates:
    """Copy ``copy_bytes`` within the device, and multiply two random matrices of ``side`` squared."""
    source = torch.randn(copy_bytes // dtype.itemsize, device=device, dtype=dtype)
    target = torch.empty_like(source)
    bandwidth = 2 * copy_bytes / timed(lambda: target.copy_(source), device)
    left, right = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    product = torch.empty_like(left)
    return Rates(bandwidth, 2 * side**3 / timed(lambda: torch.mm(left, right, out=product), device))


@dataclass(frozen=True, slots=True)
class DecoderCosts:
    """Sizes of the language model that decide how fast a step can be.

    ``layers``, ``head``: weights of all layers and of the output head; ``width``: bytes of one; ``position``: bytes of
    KV cache per position; ``attention``: operations to attend from one position to one other, over all layers.
    """

    layers: int
    head: int
    width: int
    position: int
    attention: int

    @classmethod
    def of(cls, model: VibeVoiceAsrForConditionalGeneration) -> DecoderCosts:
        config, head = language_config(model), model.lm_head.weight
        layers: list[torch.Tensor] = list(cast(Any, model).model.language_model.layers.parameters())
        return cls(
            layers=sum(weight.numel() for weight in layers),
            head=head.numel(),
            width=head.element_size(),
            position=bytes_per_position(model),
            attention=4 * config.num_hidden_layers * config.num_attention_heads * head_dim(config),
        )

    def step(self, rates: Rates, *, rows: int, context: int) -> float:
        """Seconds of one decode step with ``rows`` rows of ``context`` positions each."""
        weights = self.layers + self.head
        return rates.floor(
            weights * self.width + rows * context * self.position,
            rows * (2 * weights + context * self.attention),
        )

    def prefill(self, rates: Rates, positions: int) -> float:
        """Seconds to take in a prompt; each position attends to those before it."""
        flops = 2 * positions * self.layers + positions**2 / 2 * self.attention
        return rates.floor(self.layers * self.width, flops)


_COUNTED_FRAMES = 8


@dataclass(frozen=True, slots=True)
class EncoderCosts:
    """Both encoders and the projector. ``weights``: bytes; ``frame``: operations per frame of audio.

    The activations between their layers are left out: a version that fuses everything never writes them.
    """

    weights: int
    frame: float

    @classmethod
    @torch.no_grad()
    def of(cls, checkpoint: Checkpoint) -> EncoderCosts:
        """Counted in Transformers' modules."""
        model = cast(Any, checkpoint.model).model
        parts = (model.acoustic_tokenizer_encoder, model.semantic_tokenizer_encoder, model.multi_modal_projector)
        weights = sum(weight.numel() * weight.element_size() for part in parts for weight in part.parameters())
        audio = torch.zeros(1, 1, _COUNTED_FRAMES * HOP, device=checkpoint.device, dtype=checkpoint.dtype)
        with FlopCounterMode(display=False) as counter:
            model.get_audio_features(audio, **without_noise(checkpoint.model))
        return cls(weights, counter.get_total_flops() / _COUNTED_FRAMES)

    def encode(self, rates: Rates, frames: int) -> float:
        """Seconds for ``frames`` frames in all, however many recordings they are of."""
        return rates.floor(self.weights, frames * self.frame)


def timed(call: Callable[[], object], device: torch.device, *, prepare: Callable[[], object] = lambda: None) -> float:
    """Median seconds of ``call``, the device's work included, after warming up.

    ``prepare`` goes before every call and is not timed. At least three calls, and about half a second of them.
    """
    seconds: list[float] = []
    for number in range(_WARM_UPS + _MOST):
        prepare()
        wait(device)
        began = time.perf_counter()
        call()
        wait(device)
        if number >= _WARM_UPS:
            seconds.append(time.perf_counter() - began)
        if len(seconds) >= 3 and sum(seconds) > 0.5:
            break
    return median(seconds)


def wait(device: torch.device) -> None:
    """For a device that works asynchronously."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
