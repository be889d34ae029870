"""Everything of a checkpoint but its weights, read and found good."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import VibeVoiceAsrConfig, VibeVoiceAsrProcessor

from model.family import Family
from model.loading import original
from model.loading.configuration import check_decoder, check_geometry
from model.loading.folder import read_config, weight_files
from model.loading.layout import Layout, recognise
from model.loading.source import TINY, Source
from model.loading.transformers_errors import explained, quiet

_PROCESSOR_FILES = ("processor_config.json", "tokenizer.json", "tokenizer_config.json")


@dataclass(frozen=True, slots=True)
class Description:
    """What a checkpoint's ``config.json`` says. ``raw``: as it stands in the file."""

    raw: dict[str, Any]
    family: Family
    layout: Layout


@dataclass(frozen=True, slots=True)
class SmallFiles:
    """Configuration and processor, and the family as this checkpoint has it.

    ``tokenizer_path``: the folder of the tokenizer, which may be another one.
    """

    config: VibeVoiceAsrConfig
    processor: VibeVoiceAsrProcessor
    tokenizer_path: Path
    family: Family


def describe(source: Source) -> Description:
    """What kind of checkpoint it is. Raises CheckpointError for one that cannot be served, or is incomplete."""
    raw = read_config(source.folder)
    family, layout = recognise(raw, source.label)
    if layout is Layout.TRANSFORMERS:
        source.require(_PROCESSOR_FILES)
    weight_files(source.folder)  # a broken index is told now
    return Description(raw, family, layout)


def read_small_files(source: Source, found: Description) -> SmallFiles:
    """Raises CheckpointError unless all of them can be read, fit together, and are what the server computes."""
    read = _original(source, found) if found.layout is Layout.ORIGINAL else _transformers(source)
    config, processor, tokenizer = read
    family = found.family
    check_decoder(config, source.label)
    family.check_processor(processor, config, source.label)
    if family.of_checkpoint is not None:
        family = family.of_checkpoint(source.folder, processor, source.label)
    check_geometry(processor, config, family, source.label)
    return SmallFiles(config, processor, tokenizer, family)


_Read = tuple[VibeVoiceAsrConfig, VibeVoiceAsrProcessor, Path]
"""Configuration, processor, and the folder of its tokenizer."""


def _transformers(source: Source) -> _Read:
    with explained(f"The config.json of {source.label} is not understood"):
        config = VibeVoiceAsrConfig.from_pretrained(source.folder)
    with explained(f"The processor of {source.label} is not understood"), quiet():
        processor = VibeVoiceAsrProcessor.from_pretrained(source.folder)
    return config, processor, source.folder


def _original(source: Source, found: Description) -> _Read:
    with explained(f"The config.json of {source.label} is not understood"):
        config = original.translate(found.raw, source.label)
    tokenizer = original.find_tokenizer(source.folder, source.label)
    template = None if found.family.turns is not None else (TINY / "chat_template.jinja").read_text(encoding="utf-8")
    with explained(f"The tokenizer in {tokenizer} is not understood"), quiet():
        processor = original.make_processor(tokenizer, template)
    config.audio_token_id = processor.audio_token_id
    config.audio_bos_token_id = processor.audio_bos_token_id
    config.audio_eos_token_id = processor.audio_eos_token_id
    return config, processor, tokenizer
