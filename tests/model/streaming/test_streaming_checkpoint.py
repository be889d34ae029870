"""A streaming checkpoint in its original layout: what is read of it, and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.loading.checkpoint import Checkpoint, CheckpointError, load_checkpoint, open_checkpoint
from model.tiny.streaming import make


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(folder, tmp_path / "copy"))


def change(file: Path, **changes: Any) -> None:
    content = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in content.items() if value is not None}))


def test_it_is_what_was_trained(streaming: Checkpoint) -> None:
    trained: Any = make.trained()
    theirs = trained.to(torch.bfloat16).float().state_dict()
    ours = streaming.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


def test_its_windows_are_its_own(streaming: Checkpoint) -> None:
    family = streaming.family
    assert isinstance(family.geometry, WindowGeometry)
    assert (family.geometry.chunk, family.geometry.lookahead) == (15, 4)
    assert not family.levelled
    assert family.turns is not None
    assert streaming.processor.tokenizer.convert_ids_to_tokens(family.turns.end) == "<|text_chunk_end|>"


def test_other_windows_are_read_from_the_file(copy: Path) -> None:
    change(copy / "preprocessor_config.json", chunk_frames=22, normalize_audio=True)
    family = open_checkpoint(str(copy), device="cpu").family
    assert isinstance(family.geometry, WindowGeometry)
    assert (family.geometry.chunk, family.levelled) == (22, True)


def test_where_the_file_says_nothing_of_a_level_audio_is_heard_as_it_is(copy: Path) -> None:
    """As Microsoft's own server hears it."""
    change(copy / "preprocessor_config.json", normalize_audio=None)
    assert not open_checkpoint(str(copy), device="cpu").family.levelled


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"chunk_frames": None}, "cannot be assumed"), ({"normalize_audio": "yes"}, "whether its audio is levelled")],
)
def test_what_the_file_does_not_say_is_refused(copy: Path, changes: dict[str, Any], told: str) -> None:
    change(copy / "preprocessor_config.json", **changes)
    with pytest.raises(CheckpointError, match=told):
        open_checkpoint(str(copy), device="cpu")


def test_without_the_file_it_is_refused(copy: Path) -> None:
    (copy / "preprocessor_config.json").unlink()
    with pytest.raises(CheckpointError, match="how long its windows are, cannot be read"):
        open_checkpoint(str(copy), device="cpu")


def test_the_token_behind_a_turn_is_added_to_a_tokenizer_without_it(copy: Path) -> None:
    """Qwen2.5's own, as the original layout's tokenizer is fetched."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(make.TINY / name, copy)
    turns = open_checkpoint(str(copy), device="cpu").family.turns
    assert turns is not None
    assert turns.end == make.tokenizer().convert_tokens_to_ids("<|text_chunk_end|>")


def test_what_would_speak_is_left_out(copy: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights = load_file(copy / "model.safetensors")
    weights["model.acoustic_tokenizer.decoder.stages.0.0.gamma"] = torch.ones(4)
    weights["model.prediction_head.noisy_images_proj.weight"] = torch.ones(4)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    load_checkpoint(str(copy), device="cpu", dtype="float32")
    assert "not used" not in caplog.text


def test_a_tied_head_is_the_embedding(copy: Path) -> None:
    """As the 1.5B's is."""
    config = json.loads((copy / "config.json").read_text())
    change(copy / "config.json", decoder_config=config["decoder_config"] | {"tie_word_embeddings": True})
    weights = load_file(copy / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    model: Any = load_checkpoint(str(copy), device="cpu", dtype="float32").model
    assert torch.equal(model.lm_head.weight, model.get_input_embeddings().weight)
