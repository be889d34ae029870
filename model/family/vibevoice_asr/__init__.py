"""VibeVoice-ASR: who said what when, as JSON, after all of the audio. No torch.

``prompt`` and ``processor`` know Transformers; ``grammar`` and ``outline`` know what an answer looks like.
"""

from __future__ import annotations

from typing import Any

from model.family.family import Family, Prompt
from model.family.vibevoice_asr.geometry import GEOMETRY
from model.family.vibevoice_asr.grammar import JsonGrammar

_REPOSITORY = "microsoft/VibeVoice-ASR-HF"


def _check_processor(processor: Any, config: Any, name: str) -> None:
    from model.family.vibevoice_asr.processor import check_template, check_tokens

    check_tokens(processor, config, name)
    check_template(processor, name, _REPOSITORY)


def _prompt(processor: Any) -> Prompt:
    from model.family.vibevoice_asr.prompt import TemplatePrompt

    return TemplatePrompt(processor)


VIBEVOICE_ASR = Family(
    name="VibeVoice-ASR",
    repository=_REPOSITORY,
    model_type="vibevoice_asr",
    original=r"ASR(?!Streaming)",
    geometry=GEOMETRY,
    grammar=JsonGrammar(),
    prompt_tokens=96,  # about 70 in the checkpoint's template
    check_processor=_check_processor,
    prompt=_prompt,
)
