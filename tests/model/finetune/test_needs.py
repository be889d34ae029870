"""What teaching is foreseen to take is what it keeps: tensors of the bundled checkpoint, counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from model.finetune.course import Course, Method
from model.finetune.lines import read_lines
from model.finetune.loss import summed_loss
from model.finetune.needs import Needs, dropped
from model.finetune.pupil import take_pupil
from model.loading.checkpoint import load_checkpoint
from model.memory.footprint import Footprint
from tests.support.samples import HELD_OUT

MARGIN = 0.05
"""Of what is kept for the gradient: the first layer keeps less, not all places are scored, and angles are kept too."""
RANK = 16


class Kept:
    """Bytes of the tensors that autograd keeps for the gradient, weights as they are not, each storage once."""

    def __init__(self, weights: set[int]) -> None:
        self._weights, self._held, self.bytes = weights, dict[int, torch.Tensor](), 0

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in self._weights and storage._cdata not in self._held:
            self._held[storage._cdata] = tensor  # so that no other gets its place
            self.bytes += storage.nbytes()
        return tensor


@pytest.mark.parametrize("method", ["lora", "full"])
@pytest.mark.parametrize("recompute", [True, False])
def test_what_is_foreseen_is_what_learning_keeps(method: Method, recompute: bool, tmp_path: Path) -> None:
    course = Course("tiny", method=method, rank=RANK, dtype="bfloat16", recompute=recompute)
    pupil = take_pupil(course, "cpu")
    footprint = Footprint.of(load_checkpoint("tiny").model)
    example = pupil.examples.of(read_lines(_line(tmp_path))[0])
    positions = len(example.ids)
    needs = Needs.of(footprint, method=method, rank=RANK, recompute=recompute, positions=positions)

    weights = {each.untyped_storage()._cdata: each.untyped_storage().nbytes() for each in pupil.model.parameters()}
    kept = Kept(set(weights))
    pupil.model.train()
    with torch.autograd.graph.saved_tensors_hooks(kept, lambda tensor: tensor), pupil.autocast():
        loss = summed_loss(pupil.model, [example])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer = torch.optim.AdamW(pupil.learning.values())
    optimizer.step()

    rearranged = 2 * footprint.convolutions  # by the encoders that hear
    assert sum(weights.values()) + rearranged == needs.weights
    gradients = [each.grad for each in pupil.learning.values() if each.grad is not None]
    moments = [each for state in optimizer.state.values() for each in state.values() if each.dim() > 0]
    assert sum(each.nbytes for each in (*gradients, *moments)) == needs.learning
    # A device with CUDA keeps what dropout left as one byte a number, a CPU as a number.
    masks = 3 * dropped(footprint) * positions * footprint.layers if method == "lora" and not recompute else 0
    casts = 0 if recompute else needs.casts
    assert (1 - MARGIN) * needs.kept <= kept.bytes - masks - casts <= needs.kept


def _line(folder: Path) -> Path:
    file = folder / "line.jsonl"
    segments = [{"start": 0.5, "end": 2.5, "speaker": 0, "text": "The mother buys at seven eighteen. " * 24}]
    file.write_text(json.dumps({"audio": str(HELD_OUT / "brief_16.flac"), "segments": segments}) + "\n")
    return file
