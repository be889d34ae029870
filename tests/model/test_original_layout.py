"""The layout of microsoft/VibeVoice-ASR loads by Transformers' own renaming, with a tokenizer from elsewhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file
from transformers import Qwen2Config, VibeVoiceAsrConfig

from model.loading import original
from model.loading.checkpoint import TINY, Checkpoint, CheckpointError, load_checkpoint, open_checkpoint
from model.tiny.streaming.original_layout import original_name
from tests.support.hub import Hub, running_hub


def original_encoder(config: Any, kind: str, fix_std: float) -> dict[str, Any]:
    return {
        "model_type": f"vibevoice_{kind}_tokenizer",
        "causal": True,
        "channels": 1,
        "conv_bias": True,
        "conv_norm": "none",
        "corpus_normalize": 0.0,
        "disable_last_norm": True,
        "encoder_depths": "-".join(map(str, config.depths)),
        "encoder_n_filters": config.num_filters,
        "encoder_ratios": list(reversed(config.downsampling_ratios)),
        "fix_std": fix_std,
        "layer_scale_init_value": config.layer_scale_init_value,
        "layernorm": "RMSNorm",
        "layernorm_elementwise_affine": True,
        "layernorm_eps": config.rms_norm_eps,
        "mixer_layer": "depthwise_conv",
        "pad_mode": "constant",
        "std_dist_type": "gaussian",
        "vae_dim": config.hidden_size,
        "weight_init_value": 0.01,
    }


def original_decoder(config: Qwen2Config) -> dict[str, Any]:
    kept = (
        "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "max_position_embeddings", "rms_norm_eps", "vocab_size", "hidden_act", "attention_dropout", "max_window_layers",
    )  # fmt: skip
    return {key: getattr(config, key) for key in kept} | {
        "model_type": "qwen2",
        "rope_scaling": None,
        "rope_theta": cast(dict[str, Any], config.rope_parameters)["rope_theta"],
        "sliding_window": None,
        "tie_word_embeddings": False,
        "torch_dtype": "bfloat16",
        "use_cache": True,
        "use_sliding_window": False,
    }


@pytest.fixture
def folder(checkpoint: Checkpoint, tmp_path: Path) -> Path:
    """The bundled checkpoint as Microsoft's code would have written it, with an unused decoder and no tokenizer."""
    folder = tmp_path / "original"
    folder.mkdir()
    config: Any = VibeVoiceAsrConfig.from_pretrained(TINY)
    described = {
        "architectures": ["VibeVoiceForASRTraining"],
        "model_type": "vibevoice",
        "acoustic_tokenizer_config": original_encoder(config.acoustic_tokenizer_encoder_config, "acoustic", 0.5),
        "acoustic_vae_dim": 64,
        "decoder_config": original_decoder(config.text_config),
        "semantic_tokenizer_config": original_encoder(config.semantic_tokenizer_encoder_config, "semantic", 0),
        "semantic_vae_dim": 32,
        "torch_dtype": "bfloat16",
    }
    (folder / "config.json").write_text(json.dumps(described))
    weights = {original_name(name): weight for name, weight in checkpoint.model.state_dict().items()}
    weights["model.acoustic_tokenizer.decoder.stages.0.0.gamma"] = torch.ones(4)
    names = sorted(weights)
    shards = {f"model-0000{n + 1}-of-00002.safetensors": names[n::2] for n in range(2)}
    for shard, part in shards.items():
        save_file({name: weights[name].contiguous() for name in part}, folder / shard, metadata={"format": "pt"})
    weight_map = {name: shard for shard, part in shards.items() for name in part}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    return folder


def with_tokenizer(folder: Path) -> Path:
    for name in original.TOKENIZER_FILES:
        shutil.copy(TINY / name, folder)
    return folder


def test_names_are_those_of_microsofts_code() -> None:
    """Names from the converter's table; the fixture's other way round proves itself by them."""
    assert original_name("model.language_model.layers.3.mlp.up_proj.weight").endswith("layers.3.mlp.up_proj.weight")
    assert original_name("model.acoustic_tokenizer_encoder.conv_layers.0.stage.2.mixer.conv.bias") == (
        "model.acoustic_tokenizer.encoder.stages.1.2.mixer.conv.conv.conv.bias"
    )
    assert original_name("model.semantic_tokenizer_encoder.conv_layers.5.conv.conv.weight") == (
        "model.semantic_tokenizer.encoder.downsample_layers.6.0.conv.conv.weight"
    )
    assert original_name("model.semantic_tokenizer_encoder.head.conv.weight") == (
        "model.semantic_tokenizer.encoder.head.conv.conv.weight"
    )
    assert original_name("model.multi_modal_projector.acoustic_linear_2.bias") == "model.acoustic_connector.fc2.bias"


def test_it_loads_with_equal_weights(folder: Path, checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture) -> None:
    loaded = load_checkpoint(str(with_tokenizer(folder)), device="cpu", dtype="float32")
    ours, theirs = loaded.model.state_dict(), checkpoint.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())
    assert loaded.tokenizer_path == folder
    assert "not used" not in caplog.text  # the decoder of the acoustic tokenizer is known to be of no use


def test_its_configuration_and_processor_are_the_converters(folder: Path, checkpoint: Checkpoint) -> None:
    opened = open_checkpoint(str(with_tokenizer(folder)), device="cpu")
    ours, theirs = opened.files.config.to_dict(), VibeVoiceAsrConfig.from_pretrained(TINY).to_dict()
    for part in ("acoustic_tokenizer_encoder_config", "semantic_tokenizer_encoder_config", "text_config"):
        differing = {key for key, value in theirs[part].items() if ours[part].get(key) != value}
        assert differing <= {"dtype", "eos_token_id", "initializer_range", "_name_or_path", "transformers_version"}, (
            part
        )
    assert ours["audio_token_id"] == theirs["audio_token_id"]
    assert opened.files.processor.chat_template == checkpoint.processor.chat_template
    assert opened.files.processor.feature_extractor.to_dict() == checkpoint.processor.feature_extractor.to_dict()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with running_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        yield hub


def test_the_tokenizer_comes_from_where_the_converter_takes_it(folder: Path, hub: Hub) -> None:
    hub.repositories |= {"Qwen/Qwen2.5-7B": TINY, "somebody/original": folder}
    opened = open_checkpoint("somebody/original", device="cpu")
    assert set(hub.fetched()) >= {"config.json", "tokenizer.json"}
    assert not [name for name in hub.fetched() if name.endswith(".safetensors")]
    loaded = opened.load()
    assert loaded.tokenizer_path != loaded.path
    assert loaded.tokenizer_path.joinpath("tokenizer.json").is_file()


def test_without_a_tokenizer_it_says_what_to_put_where(folder: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    told = rf"no tokenizer: put tokenizer\.json and tokenizer_config\.json of Qwen/Qwen2\.5-7B into {folder}"
    with pytest.raises(CheckpointError, match=told):
        open_checkpoint(str(folder), device="cpu")


@pytest.mark.parametrize(
    ("part", "changes", "told"),
    [
        ("decoder_config", None, "has no decoder_config"),
        ("decoder_config", {"model_type": "llama"}, "'llama'"),
        ("acoustic_tokenizer_config", {"mixer_layer": "conv"}, "mixer_layer 'conv'"),
        ("semantic_tokenizer_config", {"encoder_depths": "3-x"}, "not understood"),
    ],
)
def test_what_transformers_cannot_build_is_refused(
    folder: Path, part: str, changes: dict[str, Any] | None, told: str
) -> None:
    config = json.loads((folder / "config.json").read_text())
    config[part] = None if changes is None else config[part] | changes
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=told):
        open_checkpoint(str(folder), device="cpu")
