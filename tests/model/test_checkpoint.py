"""A checkpoint loads or says what is wrong with it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.loading.checkpoint import TINY, CheckpointError, load_checkpoint


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A private copy of the bundled checkpoint, to be damaged."""
    return Path(shutil.copytree(TINY, tmp_path / "checkpoint"))


def test_a_folder_loads_like_the_bundled_name(copy: Path) -> None:
    loaded = load_checkpoint(str(copy), device="cpu", dtype="float32")
    assert loaded.path == copy
    assert loaded.dtype == torch.float32
    assert not loaded.model.training
    assert all(parameter.dtype == torch.float32 for parameter in loaded.model.parameters())


@pytest.mark.parametrize("missing", ["model.safetensors", "tokenizer.json", "processor_config.json", "config.json"])
def test_a_missing_file_is_named(copy: Path, missing: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(CheckpointError, match=missing):
        load_checkpoint(str(copy), device="cpu")


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    index = {"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="model-00002-of-00002"):
        load_checkpoint(str(copy), device="cpu")


def test_pickled_weights_are_not_an_alternative(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match=r"model\.safetensors"):
        load_checkpoint(str(copy))


def test_another_model_is_refused(copy: Path) -> None:
    (copy / "config.json").write_text(json.dumps({"model_type": "whisper"}))
    with pytest.raises(CheckpointError, match=r"'whisper'.*'vibevoice_asr'"):
        load_checkpoint(str(copy), device="cpu")


@pytest.mark.parametrize("content", ["[]", "{", ""])
def test_a_broken_config_is_refused(copy: Path, content: str) -> None:
    (copy / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match="JSON"):
        load_checkpoint(str(copy), device="cpu")


def test_damaged_weights_are_refused(copy: Path) -> None:
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:10_000])
    with pytest.raises(CheckpointError, match="does not load"):
        load_checkpoint(str(copy))


def test_a_missing_weight_is_named(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["lm_head.weight" if "lm_head.weight" in weights else "language_model.lm_head.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CheckpointError, match=r"lacks 1 weights.*lm_head"):
        load_checkpoint(str(copy))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no checkpoint folder"):
        load_checkpoint(str(tmp_path / "nowhere"), device="cpu")


def test_a_hub_id_without_network_names_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(CheckpointError, match=r"hub cannot be reached.*hf download.*tiny"):
        load_checkpoint("microsoft/VibeVoice-ASR-HF", device="cpu")


@pytest.mark.parametrize(("device", "dtype"), [("abacus", "auto"), ("cpu", "int3")])
def test_unknown_device_and_dtype_are_refused(device: str, dtype: str) -> None:
    with pytest.raises(CheckpointError, match="use auto"):
        load_checkpoint("tiny", device=device, dtype=dtype)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_cuda_without_cuda_is_refused() -> None:
    with pytest.raises(CheckpointError, match="no CUDA device"):
        load_checkpoint("tiny", device="cuda")
