"""VibeVoice-ASR-Streaming: who said what, while it is said, window by window. No torch.

A window of audio, what is said in it, the next window behind that: all of it stays in the stream. ``protocol`` has what
all checkpoints share, ``geometry`` what each tells of its windows; ``prompt`` knows the tokenizer.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from model.errors import CheckpointError
from model.family.family import Family, Prompt, Turns
from model.family.vibevoice_asr_streaming.geometry import FILE, WindowGeometry, read_geometry
from model.family.vibevoice_asr_streaming.grammar import SpokenGrammar
from model.family.vibevoice_asr_streaming.protocol import LONGEST_TURN


def _check_processor(processor: Any, config: Any, name: str) -> None:
    from model.family.vibevoice_asr_streaming.prompt import check_tokens

    check_tokens(processor, config, name)


def _prompt(processor: Any) -> Prompt:
    from model.family.vibevoice_asr_streaming.prompt import TurnPrompt

    return TurnPrompt(processor)


def _of_checkpoint(folder: Path, processor: Any, name: str) -> Family:
    """Its windows, the token behind a turn, and whether its audio is levelled."""
    from model.family.vibevoice_asr_streaming.prompt import turn_end_of

    try:
        described = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{FILE} of {name}, which says how long its windows are, cannot be read.") from error
    levelled = described.get("normalize_audio", False) if isinstance(described, dict) else None
    if not isinstance(levelled, bool):
        raise CheckpointError(f"{FILE} of {name} does not say whether its audio is levelled (normalize_audio).")
    return replace(
        VIBEVOICE_ASR_STREAMING,
        geometry=read_geometry(described, name),
        levelled=levelled,
        turns=Turns(turn_end_of(processor.tokenizer), LONGEST_TURN),
    )


VIBEVOICE_ASR_STREAMING = Family(
    name="VibeVoice-ASR-Streaming",
    repository="microsoft/VibeVoice-ASR-Streaming-7B",
    model_type=None,
    original=r"ASRStreaming",
    geometry=WindowGeometry(24_000, 3_200, chunk=22, lookahead=4),  # of the family's best known; each brings its own
    grammar=SpokenGrammar(),
    prompt_tokens=48,  # 31 in Qwen2.5's vocabulary
    check_processor=_check_processor,
    prompt=_prompt,
    levelled=False,
    turns=Turns(-1, LONGEST_TURN),
    of_checkpoint=_of_checkpoint,
)
