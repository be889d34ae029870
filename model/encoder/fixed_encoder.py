"""Audio encoded in calls of one size, so that every frame is summed up in one order; see ``model.deterministic``."""

from __future__ import annotations

import torch
from transformers import VibeVoiceAsrForConditionalGeneration

from model.device.capture import Capture, recompute
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.seam.audio import Samples

FRAMES = 16
"""Frames of a call of the encoders: two seconds."""


class FixedEncoder(StreamingEncoder):
    """Encodes one stream at a time, ``FRAMES`` frames a call."""

    def __init__(self, model: VibeVoiceAsrForConditionalGeneration, *, capture: Capture | None = None) -> None:
        """See StreamingEncoder; without ``capture`` every call is computed as it is."""
        super().__init__(model, capture=capture or recompute, rows=(1,), frames=(FRAMES,))

    def encode(self, states: list[EncoderState], chunks: list[Samples]) -> list[torch.Tensor]:
        """See StreamingEncoder. After an error the states are what they were."""
        before = [(state.acoustic.values, state.semantic.values) for state in states]
        try:
            return [self._whole(state, chunk) for state, chunk in zip(states, chunks, strict=True)]
        except BaseException:
            for state, values in zip(states, before, strict=True):
                state.acoustic.values, state.semantic.values = values
            raise

    def _whole(self, state: EncoderState, chunk: Samples) -> torch.Tensor:
        size = FRAMES * self.hop
        pieces = [chunk[first : first + size] for first in range(0, chunk.size, size)]
        embeddings = [super(FixedEncoder, self).encode([state], [piece])[0] for piece in pieces]
        with torch.cuda.stream(self.stream):  # does nothing where there is no such stream
            return torch.cat(embeddings)
