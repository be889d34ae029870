"""A hub id or a folder → the loaded model and its processor, or an error that says what is wrong.

Everything that configuration, processor, index and device can tell is told before a weight is fetched or read. Only
safetensors weights are read and no code from a checkpoint is ever executed.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from huggingface_hub import constants
from transformers import Qwen2Config, VibeVoiceAsrConfig, VibeVoiceAsrForConditionalGeneration, VibeVoiceAsrProcessor
from transformers.utils import logging as transformers_logging

from model.device.placement import resolve_device, resolve_dtype
from model.errors import CheckpointError, is_out_of_memory
from model.loading import original
from model.loading.folder import bytes_to_fetch, check_weight_files, missing, read_config, tensor_names, weight_files
from model.loading.hub import SMALL_FILES, Repository, full_disk
from model.loading.layout import Layout, layout_of
from model.loading.processor import check_config, check_rates, check_template, check_tokens
from model.loading.room import check_room, memory_explained
from model.memory.footprint import Footprint
from model.quantised import choose_format, quantise
from model.quantised.stored import check_quantised_weights, settle, stored_quantisation, with_present_names
from model.seam.runner import WeightFormat, WeightsName

__all__ = [
    "TINY",
    "Checkpoint",
    "CheckpointError",
    "OpenedCheckpoint",
    "check_geometry",
    "language_config",
    "load_checkpoint",
    "locate_checkpoint",
    "open_checkpoint",
]

logger = logging.getLogger(__name__)

TINY = Path(__file__).parents[1] / "tiny" / "checkpoint"
"""The bundled checkpoint: same architecture, trained on synthetic speech, loads in a second on a CPU."""

_PROCESSOR_FILES = ("processor_config.json", "tokenizer.json", "tokenizer_config.json")
_HEAD = "lm_head.weight"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint.

    ``path``: the local folder its files were read from. ``tokenizer_path``: the folder its tokenizer was read from,
    where that is another one. ``weights``: what the decoder's linear maps are kept in.
    """

    name: str
    path: Path
    model: VibeVoiceAsrForConditionalGeneration
    processor: VibeVoiceAsrProcessor
    device: torch.device
    dtype: torch.dtype
    tokenizer_path: Path | None = None
    weights: WeightFormat = "bf16"


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the files of a checkpoint come from. ``folder``: holds the small ones. ``repository``: None for a folder.

    ``label``: what messages call it.
    """

    label: str
    folder: Path
    repository: Repository | None

    def fetch_weights(self) -> list[str]:
        """Have the weight files in the folder and return their names. Raises CheckpointError."""
        names = weight_files(self.folder)
        if self.repository is not None and missing(self.folder, names):
            needed = bytes_to_fetch(self.folder, names)
            free = shutil.disk_usage(constants.HF_HUB_CACHE).free
            if needed is not None and needed > free:
                raise full_disk(f"Checkpoint {self.label!r}", needed, free)
            self.repository.fetch(names)
        self.require(names)
        check_weight_files(self.folder, names)
        return names

    def require(self, names: list[str] | tuple[str, ...]) -> None:
        """Raise CheckpointError, which names them, when files are missing."""
        if absent := missing(self.folder, names):
            raise CheckpointError(f"Checkpoint {self.label} is incomplete: {', '.join(absent)} missing.")


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose configuration and processor are read and found good, and whose weights are not touched yet.

    ``footprint``: what its parts take in memory. ``weights``: what the decoder's linear maps will be kept in;
    ``stored``: the configuration's note of how they are quantised in the files, None where they are not.
    """

    name: str
    config: VibeVoiceAsrConfig
    processor: VibeVoiceAsrProcessor
    device: torch.device
    dtype: torch.dtype
    tokenizer_path: Path
    footprint: Footprint
    weights: WeightFormat
    stored: dict[str, Any] | None
    source: _Source
    layout: Layout

    @property
    def weight_bytes(self) -> int:
        """What the weights take on the device."""
        return self.footprint.weight_bytes(self.weights, self.dtype.itemsize)

    @property
    def head_dim(self) -> int:
        """Width of one attention head of the language model."""
        config = cast(Qwen2Config, self.config.text_config)
        return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)

    def load(self) -> Checkpoint:
        """Fetch and read the weights. Raises CheckpointError and DeviceMemoryError."""
        check_room(self.weight_bytes, self.device)
        names = self.source.fetch_weights()
        options: dict[str, Any] = {}
        if self.stored is not None:
            check_quantised_weights(tensor_names(self.source.folder, names), self.source.label)
            self.config.quantization_config = with_present_names(self.stored, self.dtype)
            options = {"device_map": {"": self.device}}
        with memory_explained(self.weight_bytes, self.device):
            model = self._read_weights(**options)
            if self.stored is None:
                quantise(model, self.weights, self.device)
            else:
                settle(model, self.dtype)
            torch.nn.Module.to(model, self.device).train(mode=False)  # the class decorates `to` and loses its signature
        return Checkpoint(
            self.name,
            self.source.folder,
            model,
            self.processor,
            self.device,
            self.dtype,
            self.tokenizer_path,
            self.weights,
        )

    def _read_weights(self, **options: Any) -> VibeVoiceAsrForConditionalGeneration:
        with _explained(f"Checkpoint {self.source.label} does not load"), _quiet():
            loaded: Any = VibeVoiceAsrForConditionalGeneration.from_pretrained(
                self.source.folder,
                config=self.config,
                dtype=self.dtype,
                use_safetensors=True,
                key_mapping=original.KEY_MAPPING if self.layout is Layout.ORIGINAL else None,
                ignore_mismatched_sizes=True,  # to be told below, in one line
                output_loading_info=True,
                **options,
            )
        model, report = cast(tuple[VibeVoiceAsrForConditionalGeneration, dict[str, Any]], loaded)
        if cast(Qwen2Config, self.config.text_config).tie_word_embeddings and _HEAD in report["missing_keys"]:
            model.lm_head.weight = model.get_input_embeddings().weight  # Transformers ties nothing in this model
            report["missing_keys"].remove(_HEAD)
        self._check_report(report)
        return model

    def _check_report(self, report: dict[str, Any]) -> None:
        """Transformers would go on with random weights in the place of those that are missing or have another shape."""
        label = self.source.label
        if shapes := report["mismatched_keys"]:
            name, stored, wanted = min(shapes)
            raise CheckpointError(
                f"Checkpoint {label} has {len(shapes)} weights of another shape than its config.json says, for "
                f"example {name}: {list(stored)} and not {list(wanted)}."
            )
        if absent := report["missing_keys"]:
            raise CheckpointError(f"Checkpoint {label} lacks {len(absent)} weights, for example {min(absent)}.")
        extra = [key for key in report["unexpected_keys"] if not key.startswith(original.UNUSED)]
        if extra:
            logger.warning("checkpoint %s has %d weights that are not used, such as %s", label, len(extra), min(extra))


def load_checkpoint(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
) -> Checkpoint:
    """Load ``source``: ``"tiny"``, a folder, or a hub id such as ``microsoft/VibeVoice-ASR-HF``.

    ``device``, ``dtype``: ``auto`` by what there is, see ``placement``. ``weights``: what the decoder's linear maps are
    kept in; ``auto`` leaves them as the checkpoint has them.

    Raises CheckpointError for anything that is not a complete VibeVoice-ASR checkpoint, for a hub id that cannot be
    fetched, and for a device or dtype that is not there; DeviceMemoryError for a device that is too small.
    """
    return open_checkpoint(source, device=device, dtype=dtype, weights=weights, revision=revision).load()


def open_checkpoint(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
) -> OpenedCheckpoint:
    """The first half of ``load_checkpoint``: fetches and reads only what is small, and checks all that it tells."""
    target = resolve_device(device)
    found, raw, layout = _find(source, revision)
    stored = stored_quantisation(raw, found.label)
    chosen = choose_format(weights, stored, target, found.label)
    config, processor, tokenizer_path = _read_small_files(found, raw, layout)
    check_config(config, found.label)
    check_rates(processor, config, found.label)
    check_tokens(processor, config, found.label)
    check_template(processor, found.label)
    footprint = Footprint.of_config(config)
    number = resolve_dtype(dtype, target, footprint)
    return OpenedCheckpoint(
        source, config, processor, target, number, tokenizer_path, footprint, chosen, stored, found, layout
    )


def locate_checkpoint(source: str, *, revision: str | None = None) -> Path:
    """Local folder of a checkpoint, downloaded where needed and checked for completeness (see load_checkpoint)."""
    found, _, _ = _find(source, revision)
    found.fetch_weights()
    return found.folder


def _find(source: str, revision: str | None) -> tuple[_Source, dict[str, Any], Layout]:
    """The small files and the raw configuration, if this is a checkpoint that can be served."""
    found = _locate(source, revision)
    raw = read_config(found.folder)
    layout = layout_of(raw, found.label)
    if layout is Layout.TRANSFORMERS:
        found.require(_PROCESSOR_FILES)
    weight_files(found.folder)  # a broken index is told now
    return found, raw, layout


def _locate(source: str, revision: str | None) -> _Source:
    if source == "tiny":
        return _Source(str(TINY), TINY, None)
    if Path(source).is_dir():
        return _Source(source, Path(source), None)
    if source.startswith((".", "/", "~")) or Path(source).exists():
        raise CheckpointError(f"There is no checkpoint folder {source}.")
    repository = Repository(source, revision)
    return _Source(source, repository.fetch(SMALL_FILES), repository)


def _read_small_files(
    found: _Source, raw: dict[str, Any], layout: Layout
) -> tuple[VibeVoiceAsrConfig, VibeVoiceAsrProcessor, Path]:
    """Configuration, processor, and the folder of the tokenizer."""
    if layout is Layout.ORIGINAL:
        with _explained(f"The config.json of {found.label} is not understood"):
            config = original.translate(raw, found.label)
        tokenizer = original.find_tokenizer(found.folder, found.label)
        with _explained(f"The tokenizer in {tokenizer} is not understood"), _quiet():
            processor = original.make_processor(tokenizer, (TINY / "chat_template.jinja").read_text(encoding="utf-8"))
        config.audio_token_id = processor.audio_token_id
        config.audio_bos_token_id = processor.audio_bos_token_id
        config.audio_eos_token_id = processor.audio_eos_token_id
        return config, processor, tokenizer
    with _explained(f"The config.json of {found.label} is not understood"):
        config = VibeVoiceAsrConfig.from_pretrained(found.folder)
    with _explained(f"The processor of {found.label} is not understood"), _quiet():
        processor = VibeVoiceAsrProcessor.from_pretrained(found.folder)
    return config, processor, found.folder


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn whatever a library says about a file into a CheckpointError of one line."""
    try:
        yield
    except CheckpointError:
        raise
    except Exception as error:  # libraries raise what they like about files they do not like
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CheckpointError(f"{what}: {reason[:500]}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Transformers' own reports of what it reads, which run over many lines; its errors are told anyway."""
    level = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)


def language_config(model: VibeVoiceAsrForConditionalGeneration) -> Qwen2Config:
    """Configuration of the language model inside."""
    return cast(Qwen2Config, model.config.text_config)


def check_geometry(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError when the checkpoint hears audio at another rate or hop than the server feeds."""
    check_rates(checkpoint.processor, checkpoint.model.config, f"Checkpoint {checkpoint.name}")
