"""A hub id or a folder → the loaded model and its processor, or an error that says what is wrong.

Everything that configuration, processor, index and device can tell is told before a weight is fetched or read. Only
safetensors weights are read and no code from a checkpoint is ever executed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import Qwen2Config, VibeVoiceAsrForConditionalGeneration, VibeVoiceAsrProcessor

from model.decoder.dimensions import head_dim
from model.errors import CheckpointError
from model.family import Family
from model.loading.folder import tensor_names
from model.loading.layout import Layout
from model.loading.placement import resolve_device, resolve_dtype
from model.loading.room import check_room, memory_explained
from model.loading.small_files import SmallFiles, describe, read_small_files
from model.loading.source import TINY, Source, locate
from model.loading.weights import read_weights
from model.memory.footprint import Footprint
from model.quantised import choose_format, quantise
from model.quantised.stored import check_quantised_weights, settle, stored_quantisation, with_present_names
from model.seam.runner import WeightFormat, WeightsName

__all__ = [
    "TINY",
    "Checkpoint",
    "CheckpointError",
    "OpenedCheckpoint",
    "load_checkpoint",
    "open_checkpoint",
]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A loaded checkpoint.

    ``family``: what kind it is. ``path``: the local folder its files were read from. ``tokenizer_path``: the folder its
    tokenizer was read from. ``weights``: what the decoder's linear maps are kept in.
    """

    name: str
    family: Family
    path: Path
    tokenizer_path: Path
    model: VibeVoiceAsrForConditionalGeneration
    processor: VibeVoiceAsrProcessor
    device: torch.device
    dtype: torch.dtype
    weights: WeightFormat = "bf16"


@dataclass(frozen=True, slots=True)
class OpenedCheckpoint:
    """A checkpoint whose configuration and processor are read and found good, and whose weights are not touched yet.

    ``footprint``: what its parts take in memory. ``weights``: what the decoder's linear maps will be kept in;
    ``stored``: the configuration's note of how they are quantised in the files, None where they are not.
    """

    name: str
    family: Family
    layout: Layout
    source: Source
    files: SmallFiles
    device: torch.device
    dtype: torch.dtype
    footprint: Footprint
    weights: WeightFormat
    stored: dict[str, Any] | None

    @property
    def weight_bytes(self) -> int:
        """What the weights take on the device."""
        return self.footprint.weight_bytes(self.weights, self.dtype.itemsize)

    @property
    def head_dim(self) -> int:
        """Width of one attention head of the language model."""
        return head_dim(cast(Qwen2Config, self.files.config.text_config))

    @property
    def max_positions(self) -> int:
        """Longest sequence that the language model was made for."""
        return cast(Qwen2Config, self.files.config.text_config).max_position_embeddings

    def load(self) -> Checkpoint:
        """Fetch and read the weights. Raises CheckpointError and DeviceMemoryError."""
        check_room(self.weight_bytes, self.device)
        folder, config, label = self.source.folder, self.files.config, self.source.label
        names = self.source.fetch_weights()
        options: dict[str, Any] = {}
        if self.stored is not None:
            check_quantised_weights(tensor_names(folder, names), label)
            config.quantization_config = with_present_names(self.stored, self.dtype)
            options = {"device_map": {"": self.device}}
        with memory_explained(self.weight_bytes, self.device):
            model = read_weights(folder, config, self.dtype, self.layout, label, **options)
            if self.stored is None:
                quantise(model, self.weights, self.device)
            else:
                settle(model, self.dtype)
            torch.nn.Module.to(model, self.device).train(mode=False)  # the class decorates `to` and loses its signature
        return Checkpoint(
            name=self.name,
            family=self.family,
            path=folder,
            tokenizer_path=self.files.tokenizer_path,
            model=model,
            processor=self.files.processor,
            device=self.device,
            dtype=self.dtype,
            weights=self.weights,
        )


def load_checkpoint(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
) -> Checkpoint:
    """Load ``name``: ``"tiny"``, a folder, or a hub id such as ``microsoft/VibeVoice-ASR-HF``.

    ``device``, ``dtype``: ``auto`` by what there is, see ``placement``. ``weights``: what the decoder's linear maps are
    kept in; ``auto`` leaves them as the checkpoint has them.

    Raises CheckpointError for anything that is not a complete checkpoint of a family that is served, for a hub id that
    cannot be fetched, and for a device or dtype that is not there; DeviceMemoryError for a device that is too small.
    """
    return open_checkpoint(name, device=device, dtype=dtype, weights=weights, revision=revision).load()


def open_checkpoint(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
) -> OpenedCheckpoint:
    """The first half of ``load_checkpoint``: fetches and reads only what is small, and checks all that it tells."""
    target = resolve_device(device)
    source = locate(name, revision)
    found = describe(source)
    stored = stored_quantisation(found.raw, source.label)
    chosen = choose_format(weights, stored, target, source.label)
    files = read_small_files(source, found)
    footprint = Footprint.of_config(files.config)
    return OpenedCheckpoint(
        name=name,
        family=files.family,
        layout=found.layout,
        source=source,
        files=files,
        device=target,
        dtype=resolve_dtype(dtype, target, footprint),
        footprint=footprint,
        weights=chosen,
        stored=stored,
    )
