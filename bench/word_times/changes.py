"""Words placed where what the encoders make of the sound changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch

from bench.word_times.material import Spoken
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import load_checkpoint
from model.seam.audio import SAMPLE_RATE

Span = tuple[float, float]
FRAME = HOP / SAMPLE_RATE
REACH = 0.2
"""Seconds around an estimate in which a change is looked for."""


class Changes:
    """How different each frame of a recording is from the one before, as the language model gets them."""

    def __init__(self) -> None:
        self._encoder = StreamingEncoder(load_checkpoint("tiny").model)

    def of(self, recording: Spoken) -> npt.NDArray[np.float32]:
        """[frames]: one less the cosine of what two neighbours have; 0 for the first."""
        samples = recording.samples[: recording.samples.size // HOP * HOP]
        with torch.inference_mode():
            (frames,) = self._encoder.encode([EncoderState()], [samples])
        alike = torch.nn.functional.cosine_similarity(frames[1:].float(), frames[:-1].float())
        return np.concatenate([[0.0], 1 - alike.cpu().numpy()]).astype(np.float32)


def snapped(words: Sequence[Span], changes: npt.NDArray[np.float32]) -> list[Span]:
    """The words, of which two that meet do so at the largest change near by, in order as they are."""
    found = [list(word) for word in words]
    for left, right in pairwise(found):
        if right[0] - left[1] > 1e-6:
            continue  # a pause between them is known already
        first = max(int(np.ceil((left[1] - REACH) / FRAME)), int(left[0] / FRAME) + 1)
        last = min(int((left[1] + REACH) / FRAME), int(np.ceil(right[1] / FRAME)) - 1, len(changes) - 1)
        if first <= last:
            left[1] = right[0] = (first + int(np.argmax(changes[first : last + 1]))) * FRAME
    return [(begin, max(begin, end)) for begin, end in found]
