"""A hub id or a folder → the loaded model and its processor, or an error that says what is wrong.

Only safetensors weights are read and no code from a checkpoint is ever executed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError
from transformers import (
    Qwen2Config,
    VibeVoiceAcousticTokenizerEncoderConfig,
    VibeVoiceAsrForConditionalGeneration,
    VibeVoiceAsrProcessor,
)
from transformers.utils.logging import disable_progress_bar

from model.audio import HOP, SAMPLE_RATE
from model.steps import WeightFormat

TINY = Path(__file__).parent / "tiny" / "checkpoint"
"""The bundled checkpoint: same architecture, trained on synthetic speech, loads in a second on a CPU."""

MODEL_TYPE = "vibevoice_asr"
_PROCESSOR_FILES = ("processor_config.json", "chat_template.jinja", "tokenizer.json", "tokenizer_config.json")
_DOWNLOADED = ["*.json", "*.jinja", "*.txt", "*.safetensors"]
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class CheckpointError(Exception):
    """The checkpoint cannot be used. The message is meant for the operator's eyes."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint.

    ``path``: the local folder its files were read from. ``weights``: what the decoder's linear maps are kept in.
    """

    name: str
    path: Path
    model: VibeVoiceAsrForConditionalGeneration
    processor: VibeVoiceAsrProcessor
    device: torch.device
    dtype: torch.dtype
    weights: WeightFormat = "bf16"


def load_checkpoint(
    source: str, *, device: str = "auto", dtype: str = "auto", revision: str | None = None
) -> Checkpoint:
    """Load ``source``: ``"tiny"``, a folder, or a hub id such as ``microsoft/VibeVoice-ASR-HF``.

    ``device``: ``auto`` takes CUDA where there is one. ``dtype``: ``auto`` is bfloat16 on CUDA, float32 on a CPU.

    Raises CheckpointError for anything that is not a complete VibeVoice-ASR checkpoint, for a hub id that cannot be
    fetched, and for a device or dtype that is not there.
    """
    target = _resolve_device(device)
    number = _resolve_dtype(dtype, target)
    path = locate_checkpoint(source, revision=revision)
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        loaded: Any = VibeVoiceAsrForConditionalGeneration.from_pretrained(
            path, dtype=number, use_safetensors=True, output_loading_info=True
        )
        model, report = cast(tuple[VibeVoiceAsrForConditionalGeneration, dict[str, set[str]]], loaded)
        processor = VibeVoiceAsrProcessor.from_pretrained(path)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"Checkpoint {path} does not load: {error}") from error
    if absent := report["missing_keys"]:  # Transformers would go on with random weights in their place
        raise CheckpointError(f"Checkpoint {path} lacks {len(absent)} weights, for example {min(absent)}.")
    torch.nn.Module.to(model, target).train(mode=False)  # the class decorates `to` and loses its signature
    return Checkpoint(source, path, model, processor, target, number)


def locate_checkpoint(source: str, *, revision: str | None = None) -> Path:
    """Local folder of a checkpoint, downloaded where needed and checked for completeness (see load_checkpoint)."""
    if source == "tiny":
        path = TINY
    elif Path(source).is_dir():
        path = Path(source)
    elif source.startswith((".", "/", "~")) or Path(source).exists():
        raise CheckpointError(f"There is no checkpoint folder {source}.")
    else:
        path = _download(source, revision)
    _check_files(path)
    return path


def _download(repository: str, revision: str | None) -> Path:
    try:
        return Path(snapshot_download(repository, revision=revision, allow_patterns=_DOWNLOADED))
    except (RepositoryNotFoundError, GatedRepoError, RevisionNotFoundError, HFValidationError) as error:
        raise CheckpointError(
            f"The hub has no checkpoint {repository!r} (revision {revision or 'main'}) that may be read: {error}"
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"Checkpoint {repository!r} is not in the local cache and the hub cannot be reached. "
            "Download it on a machine with network (`hf download`) and give its folder instead, "
            "or start with the bundled checkpoint `tiny`."
        ) from error


def _check_files(path: Path) -> None:
    config_file = path / "config.json"
    if not config_file.is_file():
        raise CheckpointError(f"{path} is not a checkpoint: it has no config.json.")
    try:
        model_type = json.loads(config_file.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"{config_file} is not a JSON object.") from error
    if model_type != MODEL_TYPE:
        raise CheckpointError(
            f"{path} holds a model of type {model_type!r}, not {MODEL_TYPE!r}. "
            "The original layout has to be converted first; take microsoft/VibeVoice-ASR-HF."
        )
    missing = [name for name in (*_PROCESSOR_FILES, *_weight_files(path)) if not (path / name).is_file()]
    if missing:
        raise CheckpointError(f"Checkpoint {path} is incomplete: {', '.join(missing)} missing.")


def _weight_files(path: Path) -> list[str]:
    index = path / "model.safetensors.index.json"
    if not index.is_file():
        return ["model.safetensors"]
    weight_map = cast(dict[str, str], json.loads(index.read_text(encoding="utf-8"))["weight_map"])
    return sorted(set(weight_map.values()))


def _resolve_device(device: str) -> torch.device:
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        target = torch.device(device)
    except RuntimeError as error:
        raise CheckpointError(f"{device!r} names no device; use auto, cpu, cuda or cuda:N.") from error
    if target.type == "cuda" and not torch.cuda.is_available():
        raise CheckpointError(f"Device {device!r} was asked for, but torch sees no CUDA device.")
    return target


def _resolve_dtype(dtype: str, device: torch.device) -> torch.dtype:
    if dtype == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if dtype not in _DTYPES:
        raise CheckpointError(f"Unknown dtype {dtype!r}; use auto, {', '.join(_DTYPES)}.")
    return _DTYPES[dtype]


def language_config(model: VibeVoiceAsrForConditionalGeneration) -> Qwen2Config:
    """Configuration of the language model inside."""
    return cast(Qwen2Config, model.config.text_config)


def check_geometry(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError when the checkpoint hears audio at another rate or hop than the server feeds."""
    rate = checkpoint.processor.feature_extractor.sampling_rate
    encoder = cast(VibeVoiceAcousticTokenizerEncoderConfig, checkpoint.model.config.acoustic_tokenizer_encoder_config)
    hop = encoder.hop_length
    if (rate, hop) != (SAMPLE_RATE, HOP):
        raise CheckpointError(f"Checkpoint wants {rate} Hz and a hop of {hop}; this server feeds {SAMPLE_RATE}/{HOP}.")
