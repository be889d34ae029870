"""A folder as it is downloaded, of any size, that takes no room: its files of weights are nothing but a hole."""

from __future__ import annotations

import json
import shutil
from math import prod
from pathlib import Path

import torch
from transformers import VibeVoiceAsrConfig
from transformers.core_model_loading import revert_weight_conversion

from bench.support.random_model import name_audio_tokens, without_memory
from model.loading.checkpoint import TINY

_SHARD_BYTES = 5 << 30
_COPIED = ("processor_config.json", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json")


def empty_snapshot(folder: Path, config: VibeVoiceAsrConfig) -> Path:
    """Make ``folder`` a checkpoint of that configuration in bfloat16, sharded as the hub's, all of its weights zero.

    Tokenizer and processor are those of the bundled checkpoint.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        shutil.copy(TINY / name, folder / name)
    name_audio_tokens(config)
    config.architectures = ["VibeVoiceAsrForConditionalGeneration"]
    config.save_pretrained(folder)
    model = without_memory(config)
    shapes = {name: tuple(each.shape) for name, each in revert_weight_conversion(model, model.state_dict()).items()}
    shards = _shards(shapes)
    where: dict[str, str] = {}
    for number, names in enumerate(shards, start=1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_empty(folder / file, {name: shapes[name] for name in names})
        where |= dict.fromkeys(names, file)
    total = sum(map(_size, shapes.values()))
    index = {"metadata": {"total_size": total}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")
    return folder


def _size(shape: tuple[int, ...]) -> int:
    return prod(shape) * torch.bfloat16.itemsize


def _shards(shapes: dict[str, tuple[int, ...]]) -> list[list[str]]:
    shards: list[list[str]] = [[]]
    size = 0
    for name, shape in shapes.items():
        if size and size + _size(shape) > _SHARD_BYTES:
            shards.append([])
            size = 0
        shards[-1].append(name)
        size += _size(shape)
    return shards


def _write_empty(file: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A safetensors file: length of the header, header, and behind it a hole where the numbers would be."""
    header, end = {}, 0
    for name, shape in shapes.items():
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + _size(shape)]}
        end += _size(shape)
    text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as out:
        out.write(len(text).to_bytes(8, "little") + text)
        out.truncate(8 + len(text) + end)
