"""What Transformers' own processor makes of a line that is to be learned."""

from __future__ import annotations

from typing import Any

from model.family.vibevoice_asr.prompt import TemplatePrompt
from model.finetune.hearing import read_audio
from model.finetune.lines import Line
from model.loading.checkpoint import Checkpoint


def processed(checkpoint: Checkpoint, lines: list[Line]) -> Any:
    """Ids, audio and labels, by ``output_labels=True``: the template's text, and the answer that it leaves away."""
    processor: Any = checkpoint.processor
    texts = [
        f"{TemplatePrompt.render(processor, line.context)}<|im_start|>assistant\n{line.answer}<|im_end|>\n<|endoftext|>"
        for line in lines
    ]
    return processor(text=texts, audio=[read_audio(line.audio) for line in lines], output_labels=True)
