"""Both tokenizer encoders over many streams at once, each stream with its own convolution caches.

The encoders are causal, so audio encoded in chunks gives the latents of the whole, provided that every chunk is a
multiple of the hop: a shorter one is silently wrong or raises in Transformers' module. ``AudioBuffer`` sees to that.
Latents are not sampled: the same audio gives the same embeddings.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn
from transformers import VibeVoiceAsrForConditionalGeneration

from model.audio import HOP
from model.steps import Samples


class AudioBuffer:
    """Samples of one stream that wait for the encoder, handed out in whole frames."""

    def __init__(self) -> None:
        self._blocks: deque[Samples] = deque()
        self._samples = 0

    @property
    def frames(self) -> int:
        """Whole frames waiting."""
        return self._samples // HOP

    def append(self, samples: Samples) -> None:
        if samples.size:
            self._blocks.append(np.ascontiguousarray(samples, dtype=np.float32))
            self._samples += samples.size

    def pad(self) -> None:
        """Fill the started frame with zeros, as the processor's right padding does."""
        self.append(np.zeros(-self._samples % HOP, dtype=np.float32))

    def take(self, frames: int) -> Samples:
        """Remove and return the first ``frames`` frames, [frames * HOP]."""
        if frames > self.frames:
            raise ValueError(f"{frames} frames asked for, {self.frames} are waiting")
        wanted = frames * HOP
        parts: list[Samples] = []
        while wanted:
            block = self._blocks.popleft()
            if block.size > wanted:
                self._blocks.appendleft(block[wanted:])
                block = block[:wanted]
            parts.append(block)
            wanted -= block.size
            self._samples -= block.size
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)


@dataclass(slots=True)
class EncoderState:
    """What the two encoders remember of one stream: per causal convolution, its last inputs [channels, left_pad].

    Empty for a stream that has heard nothing: the convolutions then see zeros.
    """

    acoustic: dict[str, torch.Tensor] = field(default_factory=dict)
    semantic: dict[str, torch.Tensor] = field(default_factory=dict)


class _BatchPadding:
    """Padding cache of a batch of streams with different histories and different numbers of new frames.

    Stands where Transformers' encoder expects its own padding cache: ``update`` puts each stream's remembered inputs
    in front of the batch. Rows are right-padded to the longest; what a row remembers is cut at its own end, so that
    padding never enters its history.
    """

    def __init__(self, states: list[dict[str, torch.Tensor]], frames: list[int]) -> None:
        self._states = states
        self._frames = frames
        self._longest = max(frames)

    def update(self, hidden_states: torch.Tensor, cache_key: str, conv_module: nn.Module) -> torch.Tensor:
        width = int(conv_module.left_pad)  # type: ignore[arg-type]  # an int attribute of the causal convolution
        if width == 0:
            return hidden_states
        zeros = hidden_states.new_zeros(hidden_states.shape[1], width)
        left = torch.stack([state.get(cache_key, zeros) for state in self._states])
        joined = torch.cat([left, hidden_states], dim=-1)
        for row, (state, frames) in enumerate(zip(self._states, self._frames, strict=True)):
            end = frames * hidden_states.shape[-1] // self._longest
            state[cache_key] = joined[row, :, end : end + width].clone()
        return joined


class StreamingEncoder:
    """Acoustic and semantic encoder with the projector behind them."""

    def __init__(self, model: VibeVoiceAsrForConditionalGeneration) -> None:
        self._acoustic = model.model.acoustic_tokenizer_encoder
        self._semantic = model.model.semantic_tokenizer_encoder
        self._projector = model.model.multi_modal_projector
        weight = next(self._acoustic.parameters())
        self._device, self._dtype = weight.device, weight.dtype

    @torch.inference_mode()
    def encode(self, states: list[EncoderState], chunks: list[Samples]) -> list[torch.Tensor]:
        """Encode the next chunk of each stream and advance its state.

        ``chunks``: one per state, whole frames each, at most one chunk per stream. Returns the embeddings of each
        chunk's frames, [frames, hidden] in the model's dtype.
        """
        frames = [chunk.size // HOP for chunk in chunks]
        if any(chunk.size % HOP for chunk in chunks) or 0 in frames:
            raise ValueError("chunks must be whole frames")
        audio = torch.zeros(len(chunks), 1, max(frames) * HOP)
        for row, chunk in enumerate(chunks):
            audio[row, 0, : chunk.size] = torch.from_numpy(chunk)
        audio = audio.to(self._device, self._dtype)
        acoustic = self._acoustic(audio, padding_cache=_BatchPadding([s.acoustic for s in states], frames)).latents
        semantic = self._semantic(audio, padding_cache=_BatchPadding([s.semantic for s in states], frames)).latents
        embeddings = self._projector(acoustic, semantic)
        return [embeddings[row, :count] for row, count in enumerate(frames)]
