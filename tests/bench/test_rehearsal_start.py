"""The runner starts on whatever name a CUDA card is given, and says what is wrong with a name that is none."""

from __future__ import annotations

import pytest
import torch

from bench.rehearsal import FakeCuda, card_of
from model.checkpoint import CheckpointError, load_checkpoint
from model.runner import make_runner

POSITIONS = 1 << 14


@pytest.mark.parametrize("device", ["auto", "cuda", "cuda:0"])
def test_every_name_of_the_card_starts(device: str) -> None:
    with FakeCuda(card_of(24)):
        checkpoint = load_checkpoint("tiny", device=device)
        assert checkpoint.device == torch.device("cuda", 0)
        assert checkpoint.dtype == torch.bfloat16
        assert {weight.device for weight in checkpoint.model.parameters()} == {checkpoint.device}
        runner = make_runner(checkpoint, kv_positions=POSITIONS, graphs=False)
        assert (runner.info.device, runner.info.attention) == ("cuda:0", "varlen")


def test_a_card_that_is_not_there_is_named() -> None:
    with FakeCuda(card_of(24), cards=2), pytest.raises(CheckpointError, match=r"cuda:7.*the last one here is cuda:1"):
        load_checkpoint("tiny", device="cuda:7")


def test_the_current_card_is_taken() -> None:
    with FakeCuda(card_of(24), cards=2):
        torch.cuda.set_device(1)
        assert load_checkpoint("tiny", device="cuda").device.index == 1


def test_nothing_is_left_behind() -> None:
    with FakeCuda(card_of(24)):
        assert torch.cuda.is_available()
    assert not torch.cuda.is_available()
    assert torch.ones(2).tolist() == [1, 1]
