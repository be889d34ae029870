"""The runner starts on whatever name a CUDA card is given, and says what is wrong with a name that is none."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.rehearsal import GIB, FakeCuda, card_of
from bench.rehearsal.snapshot import empty_snapshot
from bench.support.random_model import full_size
from model.errors import StartError
from model.loading.checkpoint import CheckpointError, load_checkpoint
from model.start import load_runner, make_runner
from server.engine.worker.load import ModelWishes, load_model, warm_up

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


def test_the_worker_starts_on_a_card_with_everything_recorded(caplog: pytest.LogCaptureFixture) -> None:
    with FakeCuda(card_of(24)) as cuda:
        runner = load_model(ModelWishes("tiny", device="auto", kv_positions=POSITIONS))
        warm_up(runner)
        assert runner.info.attention == "varlen"
        assert runner.free_pages == runner.info.pages
    assert not [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert not cuda.faults, str(cuda.faults)


def test_a_sharded_folder_as_wide_as_the_real_one_loads(tmp_path: Path) -> None:
    folder = empty_snapshot(tmp_path / "snapshot", full_size(layers=2, blocks=[1] * 7))
    with FakeCuda(card_of(24)) as cuda:
        checkpoint = load_checkpoint(str(folder))
        weights = sum(each.nbytes for each in checkpoint.model.parameters())
        assert weights > 3 * GIB
        assert weights <= cuda.memory.allocated < 1.01 * weights


def test_a_card_without_room_for_the_weights_is_named(tmp_path: Path) -> None:
    folder = empty_snapshot(tmp_path / "snapshot", full_size(layers=2, blocks=[1] * 7))
    with FakeCuda(card_of(3)), pytest.raises(StartError, match="GiB"):
        load_runner(str(folder))


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
