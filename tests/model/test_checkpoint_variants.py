"""Checkpoints that are not as the bundled one is: what loads computes the same, what does not says why in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.loading.checkpoint import TINY, Checkpoint, CheckpointError, load_checkpoint, open_checkpoint

INDEX = "model.safetensors.index.json"
_LFS_POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 16660000000\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A private copy of the bundled checkpoint, to be changed."""
    return Path(shutil.copytree(TINY, tmp_path / "checkpoint"))


def load(folder: Path) -> Checkpoint:
    return load_checkpoint(str(folder), device="cpu", dtype="float32")


def configure(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def configure_text(folder: Path, **changes: Any) -> None:
    configure(folder, text_config=json.loads((folder / "config.json").read_text())["text_config"] | changes)


def rewrite(folder: Path, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> None:
    weights = change(load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def assert_same_weights(one: Checkpoint, other: Checkpoint) -> None:
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(weight, theirs[name]) for name, weight in ours.items())


# ------------------------------------------------------------------------------------------------------ what loads


def hub_name(name: str) -> str:
    """The name that microsoft/VibeVoice-ASR-HF has, from the name in Transformers' model, or as it is."""
    if name.startswith("lm_head"):
        return "language_model." + name
    name = name.removeprefix("model.")
    return name.replace("language_model.", "language_model.model.", 1) if name.startswith("language_model.") else name


@pytest.mark.parametrize("hub_names", [True, False])
def test_both_ways_to_name_weights_in_shards(copy: Path, checkpoint: Checkpoint, hub_names: bool) -> None:
    stored = load_file(copy / "model.safetensors")
    assert stored.keys() == {hub_name(name) for name in checkpoint.model.state_dict()}
    named = stored if hub_names else {name: stored[hub_name(name)] for name in checkpoint.model.state_dict()}
    (copy / "model.safetensors").unlink()
    weight_map = {name: f"model-0000{number % 3 + 1}-of-00003.safetensors" for number, name in enumerate(named)}
    for shard in set(weight_map.values()):
        part = {name: weight for name, weight in named.items() if weight_map[name] == shard}
        save_file(part, copy / shard, metadata={"format": "pt"})
    (copy / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert_same_weights(load(copy), checkpoint)


def test_a_template_in_json_as_older_snapshots_have_it(copy: Path, checkpoint: Checkpoint) -> None:
    template = (copy / "chat_template.jinja").read_text()
    (copy / "chat_template.jinja").unlink()
    (copy / "chat_template.json").write_text(json.dumps({"chat_template": template}))
    assert load(copy).processor.chat_template == checkpoint.processor.chat_template


def test_weights_that_nobody_expects_are_left_out(
    copy: Path, checkpoint: Checkpoint, caplog: pytest.LogCaptureFixture
) -> None:
    rewrite(copy, lambda weights: weights | {"lora_A": torch.zeros(2)})
    assert_same_weights(load(copy), checkpoint)
    assert "1 weights that are not used, such as lora_A" in caplog.text


def test_tied_embeddings(copy: Path) -> None:
    configure_text(copy, tie_word_embeddings=True)
    rewrite(copy, lambda weights: {name: weight for name, weight in weights.items() if "lm_head" not in name})
    model: Any = load(copy).model
    assert model.lm_head.weight is model.model.language_model.embed_tokens.weight


def test_positions_scaled_by_yarn(copy: Path, checkpoint: Checkpoint) -> None:
    yarn = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 1.5, "original_max_position_embeddings": 16384}
    configure_text(copy, rope_parameters=yarn)
    model: Any = load(copy).model
    plain: Any = checkpoint.model
    assert not torch.equal(
        model.model.language_model.rotary_emb.inv_freq, plain.model.language_model.rotary_emb.inv_freq
    )


def test_sliding_windows_that_no_layer_uses(copy: Path) -> None:
    configure_text(copy, use_sliding_window=False, sliding_window=8)
    load(copy)


# ------------------------------------------------------------------------------------------------- what is refused


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def write(name: str, content: str | dict[str, Any]) -> Callable[[Path], None]:
    return lambda folder: _write(folder / name, content if isinstance(content, str) else json.dumps(content))


def _write(file: Path, content: str) -> None:
    file.write_text(content)


def index(content: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        (folder / INDEX).write_text(content)

    return spoil


def configured(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: configure(folder, **changes)


def text_configured(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: configure_text(folder, **changes)


def retokenised(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        tokenizer = json.loads((folder / "tokenizer.json").read_text())
        change(tokenizer)
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))

    return spoil


def original(architecture: str) -> Callable[[Path], None]:
    return write("config.json", {"model_type": "vibevoice", "architectures": [architecture]})


def rate_of(rate: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        processor = json.loads((folder / "processor_config.json").read_text())
        processor["feature_extractor"]["sampling_rate"] = rate
        (folder / "processor_config.json").write_text(json.dumps(processor))

    return spoil


def hop_of(size: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        encoder = json.loads((folder / "config.json").read_text())["semantic_tokenizer_encoder_config"]
        configure(folder, semantic_tokenizer_encoder_config=encoder | {"downsampling_ratios": [10, 8, 5, 4, size]})

    return spoil


SERVED = (
    r"this server serves VibeVoice-ASR \('vibevoice_asr'\): take microsoft/VibeVoice-ASR-HF "
    r"and VibeVoice-ASR-Streaming: take microsoft/VibeVoice-ASR-Streaming-7B\."
)

TOLD_BY_SMALL_FILES = {
    "speech": (original("VibeVoiceForConditionalGeneration"), f"speaks.*{SERVED}"),
    "realtime-speech": (
        write("config.json", {"model_type": "vibevoice_streaming"}),
        f"'vibevoice_streaming'.*{SERVED}",
    ),
    "whisper": (write("config.json", {"model_type": "whisper"}), f"'whisper'.*{SERVED}"),
    "no-model": (write("config.json", {}), f"type None.*{SERVED}"),
    "config-of-no-use": (configured(text_config=7), "config.json.*not understood"),
    "config-is-a-pointer": (write("config.json", _LFS_POINTER), "Git LFS"),
    "other-language-model": (configured(text_config={"model_type": "llama"}), "no Qwen2.*'llama'"),
    "awq": (configured(quantization_config={"quant_method": "awq", "bits": 4}), "awq.*bfloat16"),
    "gptq": (configured(quantization_config={"quant_method": "gptq", "bits": 4}), "gptq.*bfloat16"),
    "compressed-tensors": (
        configured(quantization_config={"quant_method": "compressed-tensors"}),
        "compressed-tensors",
    ),
    "fp8": (configured(quantization_config={"quant_method": "fp8"}), "fp8.*bfloat16"),
    "mlx": (configured(quantization={"group_size": 64, "bits": 4}), "MLX"),
    "quantised-inside": (text_configured(quantization_config={"quant_method": "awq"}), "awq"),
    "quantised-by-nonsense": (configured(quantization_config="yes"), "unknown method"),
    "sliding": (
        text_configured(
            use_sliding_window=True,
            sliding_window=8,
            layer_types=["full_attention"] * 5 + ["sliding_attention"],
        ),
        "sliding windows",
    ),
    "dynamic-rope": (
        text_configured(rope_parameters={"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}),
        "'dynamic'.*yarn",
    ),
    "other-hop": (hop_of(4), r"a hop of 6400.*VibeVoice-ASR 24000/3200"),
    "other-rate": (rate_of(16_000), r"wants 16000 Hz.*VibeVoice-ASR 24000/3200"),
    "index-empty": (index("{}"), "no weight_map"),
    "index-broken": (index("{"), "not a JSON object"),
    "index-of-lists": (index('{"weight_map": []}'), "no weight_map"),
    "index-of-numbers": (index('{"weight_map": {"a": 1}}'), "names 1 as a weight file"),
    "index-leads-out": (index('{"weight_map": {"a": "../a.safetensors"}}'), "weight file"),
    "index-of-pickles": (index('{"weight_map": {"a": "pytorch_model.bin"}}'), "weight file"),
    "no-template": (remove("chat_template.jinja"), "no chat template.*microsoft/VibeVoice-ASR-HF"),
    "foreign-template": (write("chat_template.jinja", "{{ messages[0]['role'] }}"), "does not write a request"),
    "template-without-context": (
        write("chat_template.jinja", "<|object_ref_start|><|box_start|><|object_ref_end|><|AUDIO_DURATION|>"),
        "does not write a request",
    ),
    "broken-template": (write("chat_template.jinja", "{% for %}"), "cannot be rendered"),
    "failing-template": (write("chat_template.jinja", "{{ messages[9]['role'] }}"), "cannot be rendered"),
    "broken-tokenizer": (write("tokenizer.json", "{"), "processor.*not understood"),
    "tokenizer-without-audio": (
        retokenised(lambda content: content["added_tokens"].pop(5)),
        "tokenizer.*(lacks|belong)",
    ),
    "broken-processor": (write("processor_config.json", "[]"), "processor.*not understood"),
}


@pytest.mark.parametrize("fault", TOLD_BY_SMALL_FILES)
def test_small_files_tell(copy: Path, fault: str) -> None:
    spoil, told = TOLD_BY_SMALL_FILES[fault]
    spoil(copy)
    with pytest.raises(CheckpointError, match=told) as caught:
        open_checkpoint(str(copy), device="cpu")
    assert caught.value.permanent
    assert "\n" not in str(caught.value)


def widen(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    name = next(name for name in weights if name.endswith("layers.0.mlp.gate_proj.weight"))
    return weights | {name: weights[name].repeat(2, 1)}


def cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1_000_000])


TOLD_BY_WEIGHTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "shapes": (
        lambda folder: rewrite(folder, widen),
        r"1 weights of another shape.*gate_proj\.weight: \[1024, 192\] and not \[512, 192\]",
    ),
    "cut-short": (cut, r"model\.safetensors is cut short \(1000000 of \d+ bytes\).*force-download"),
    "cut-in-its-head": (lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 4000), "cut short"),
    "empty": (write("model.safetensors", ""), "is empty"),
    "no-safetensors": (write("model.safetensors", "\x02" + "\0" * 7 + "[]"), "not a safetensors file"),
    "no-offset": (
        write("model.safetensors", "\x1e" + "\0" * 7 + '{"a":{"data_offsets":[0,"x"]}}'),
        "not a safetensors file",
    ),
    "null-offset": (
        write("model.safetensors", "\x1f" + "\0" * 7 + '{"a":{"data_offsets":[0,null]}}'),
        "not a safetensors file",
    ),
    "pointer": (write("model.safetensors", _LFS_POINTER), "git lfs pull"),
}


@pytest.mark.parametrize("fault", TOLD_BY_WEIGHTS)
def test_weights_tell(copy: Path, fault: str) -> None:
    spoil, told = TOLD_BY_WEIGHTS[fault]
    spoil(copy)
    opened = open_checkpoint(str(copy), device="cpu", dtype="float32")
    with pytest.raises(CheckpointError, match=told) as caught:
        opened.load()
    assert caught.value.permanent
    assert "\n" not in str(caught.value)
