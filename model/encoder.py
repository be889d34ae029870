"""Both tokenizer encoders over many streams at once, each stream with its own convolution caches.

The encoders are causal, so audio encoded in chunks gives the latents of the whole, provided that every chunk is a
multiple of the hop: an odd one would shift the windows silently. ``AudioBuffer`` sees to that.
Latents are not sampled: the same audio gives the same embeddings.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.audio import HOP
from model.causal_stack import CausalStack, Memory
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
    """What the two encoders remember of one stream; empty for a stream that has heard nothing."""

    acoustic: Memory = field(default_factory=dict)
    semantic: Memory = field(default_factory=dict)


class StreamingEncoder:
    """Acoustic and semantic encoder with the projector behind them."""

    def __init__(self, model: VibeVoiceAsrForConditionalGeneration) -> None:
        self._acoustic = CausalStack(model.model.acoustic_tokenizer_encoder)
        self._semantic = CausalStack(model.model.semantic_tokenizer_encoder)
        self._projector = model.model.multi_modal_projector
        self._device, self._dtype = model.lm_head.weight.device, model.lm_head.weight.dtype

    @torch.inference_mode()
    def encode(self, states: list[EncoderState], chunks: list[Samples]) -> list[torch.Tensor]:
        """Encode the next chunk of each stream and advance its state.

        ``chunks``: one per state, whole frames each, at most one chunk per stream. Returns the embeddings of each
        chunk's frames, [frames, hidden] in the model's dtype.
        """
        frames = [chunk.size // HOP for chunk in chunks]
        if any(chunk.size % HOP for chunk in chunks) or 0 in frames:
            raise ValueError("chunks must be whole frames")
        audio = torch.zeros(len(chunks), max(frames) * HOP)
        for row, chunk in enumerate(chunks):
            audio[row, : chunk.size] = torch.from_numpy(chunk)
        audio = audio.to(self._device, self._dtype)
        acoustic = self._acoustic(audio, [state.acoustic for state in states], frames)
        semantic = self._semantic(audio, [state.semantic for state in states], frames)
        embeddings = self._projector(acoustic, semantic)
        return [embeddings[row, :count] for row, count in enumerate(frames)]
