"""How a GPU's memory is shared out: what the encoders need at a time, KV pages, and a rest for everything else."""

from __future__ import annotations

import numpy as np
from transformers import VibeVoiceAsrForConditionalGeneration

from model.audio import HOP
from model.encoder import EncoderState, StreamingEncoder

GPU_SHARE = 0.85
"""Share of the memory beside weights and encoders that goes to KV pages; the rest is room for the decoder's
activations and recordings."""

GPU_PAGE = 256
"""Positions per page on a GPU, where the paged kernels ask for it."""

PEAK_FRAMES = 450
"""Frames of the largest encoder batch that room is kept for; three times what the engine plans by default."""


def positions_beside(free: int, encoder_peak: int, position_bytes: int) -> int:
    """Positions of KV cache for a GPU with ``free`` bytes beside the weights, of which encoding takes ``encoder_peak``.

    ``position_bytes``: of one position, see ``bytes_per_position``. 0 where nothing is left.
    """
    return max(0, int((free - encoder_peak) * GPU_SHARE)) // position_bytes


def encode_the_most(model: VibeVoiceAsrForConditionalGeneration) -> None:
    """Make the encoders and have them encode ``PEAK_FRAMES`` frames, for somebody to see what memory that takes."""
    StreamingEncoder(model).encode([EncoderState()], [np.zeros(PEAK_FRAMES * HOP, dtype=np.float32)])
