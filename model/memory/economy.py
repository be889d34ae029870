"""How much of a small GPU's memory is saved, and what that costs in speed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from transformers import Qwen2Config, VibeVoiceAsrForConditionalGeneration

from model.decoder.decoder import HEAD_PLACES
from model.decoder.graphs import SIZES
from model.encoder.chunk_graphs import ROWS
from model.memory.host_table import HostTable
from model.seam.steps import StepSizes


@dataclass(frozen=True, slots=True)
class Economy:
    """How much memory a runner spends on speed.

    ``head_places``: places whose scores are computed at once. ``step_inputs``: of the largest recorded step, 0
    records none: a small GPU computes for longer than it takes to launch.
    ``chunk_rows``: of the largest recorded encoder batch. ``prefill_positions``, ``encode_frames``: bounds of a step.
    ``host_table``: the token embedding lies in the host's memory, and the device fetches the few rows it needs.
    ``drop_convolutions``: of encoder weights that are used rearranged, the checkpoint's own order is given up.
    """

    head_places: int = HEAD_PLACES
    step_inputs: int = SIZES[-1]
    chunk_rows: int = ROWS[-1]
    prefill_positions: int = 1 << 20
    encode_frames: int = 1 << 20
    host_table: bool = False
    drop_convolutions: bool = False

    def within(self, steps: StepSizes) -> StepSizes:
        """Steps of at most these sizes."""
        return StepSizes(
            max_rows=steps.max_rows,
            prefill_positions=max(steps.max_rows, min(steps.prefill_positions, self.prefill_positions)),
            encode_frames=min(steps.encode_frames, self.encode_frames),
        )


_SMALL = Economy(head_places=128, step_inputs=64, chunk_rows=4)
_SMALLER = replace(_SMALL, step_inputs=16, chunk_rows=1, prefill_positions=512, encode_frames=48)
ECONOMIES = (
    Economy(),
    _SMALL,
    _SMALLER,
    replace(_SMALLER, step_inputs=0, prefill_positions=256, host_table=True, drop_convolutions=True),
)
"""From the fastest to the most frugal; the first with which the longest recording fits is taken."""


def economize(model: VibeVoiceAsrForConditionalGeneration, economy: Economy) -> None:
    """Give up what the streaming encoder and the decoder can do without. Transformers' own model may not run any more.

    The streaming encoder has been made: it has its own copy of the encoders' convolutions.
    """
    if economy.drop_convolutions:
        for encoder in (model.model.acoustic_tokenizer_encoder, model.model.semantic_tokenizer_encoder):
            for module in encoder.modules():
                if isinstance(module, torch.nn.Conv1d):
                    module.weight.data = module.weight.new_empty(0)
    if economy.host_table and not cast(Qwen2Config, model.config.text_config).tie_word_embeddings:
        table = cast(torch.nn.Embedding, model.get_input_embeddings()).weight
        model.set_input_embeddings(HostTable(table, table.device))
