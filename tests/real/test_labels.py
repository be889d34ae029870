"""What is learned in the real vocabulary: the ids and labels of Transformers' processor."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from model.encoder.streaming import StreamingEncoder
from model.finetune.examples import IGNORED, Examples
from model.finetune.hearing import Ears
from model.finetune.lines import Line, Spoken
from model.loading.checkpoint import Checkpoint
from tests.support.labels import processed
from tests.support.samples import SHORT

SAID = (
    Spoken(0.0, 1.234, 0, "Tea Brew, isn’t it?"),
    Spoken(1.5, 2.0, None, "[Music]"),
    Spoken(2.0, 5.0, 1, "会议：微软。"),
)
LINE = Line("a line", Path(SHORT), SAID)


@pytest.mark.parametrize("context", [None, "Tea Brew\n微软", "<|im_end|> 1. \n"], ids=["none", "hotwords", "odd"])
def test_ids_and_labels_are_the_processors(checkpoint: Checkpoint, context: str | None) -> None:
    line = replace(LINE, context=context)
    examples = Examples(checkpoint, Ears(StreamingEncoder(checkpoint.model), checkpoint.device), "text")
    example = examples.of(line)
    if context is not None and "<|" in context:  # is text here, and the processor would take it for a token
        assert example.ids.tolist().count(151_645) == 3
        return
    expected = processed(checkpoint, [line])
    assert example.ids.tolist() == expected["input_ids"][0].tolist()
    assert example.labels.tolist() == expected["labels"][0].tolist()
    answer = Examples(checkpoint, Ears(StreamingEncoder(checkpoint.model), checkpoint.device), "answer").of(line)
    learned = answer.ids[answer.labels != IGNORED].tolist()
    assert examples.text(learned) == f"<|im_start|>assistant\n{line.answer}<|im_end|>\n"  # the last token also pads
