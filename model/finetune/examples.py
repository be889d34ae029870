"""A line as token ids, and which of them are learned.

By the rule of Transformers' processor (``output_labels=True``) all text is learned, instruction included, and only the
audio's places, its marks and the padding token are not. By Microsoft's own script only the answer is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch

from model.decoder.dimensions import language_config
from model.family.vibevoice_asr.answer_text import END_OF_TURN
from model.finetune.errors import DataError
from model.finetune.hearing import Ears
from model.finetune.lines import Line, told_of
from model.loading.checkpoint import Checkpoint

IGNORED = -100
"""The label of what is not learned, as PyTorch's cross entropy has it."""

Learned = Literal["text", "answer"]
"""``text``: all of it, as the processor labels it; ``answer``: from the assistant's header on."""


@dataclass(frozen=True, slots=True)
class Example:
    """``ids``, ``labels``: [positions]; ``audio``: [frames, hidden], in the place of the ids from ``first`` on.

    ``prompt``: positions in front of the answer. A label stands at its own token's place.
    """

    ids: torch.Tensor
    labels: torch.Tensor
    audio: torch.Tensor
    first: int
    prompt: int
    seconds: float


class Examples:
    """Makes examples of lines."""

    def __init__(self, checkpoint: Checkpoint, ears: Ears, learned: Learned) -> None:
        processor: Any = checkpoint.processor
        tokenizer = processor.tokenizer
        self._ears, self._learned = ears, learned
        self._prompt = checkpoint.family.prompt(checkpoint.processor)
        self._audio = int(processor.audio_token_id)
        self._never = [self._audio, processor.audio_bos_token_id, processor.audio_eos_token_id, tokenizer.pad_token_id]
        self._end: list[int] = tokenizer(END_OF_TURN + "\n" + tokenizer.eos_token, add_special_tokens=False).input_ids
        self._longest = language_config(checkpoint.model).max_position_embeddings
        self._device = checkpoint.device

    def of(self, line: Line) -> Example:
        """Raises DataError, also for a line that is longer than the model has positions."""
        with told_of(line):
            audio, seconds = self._ears.hear(line.audio)
        if line.segments and (last := max(each.end for each in line.segments)) > seconds + 1:
            raise DataError(f"{line.where}: a segment ends at {last:.2f} s, and {line.audio} has {seconds:.2f} s.")
        before = self._prompt.before_audio
        prompt = [*before, *[self._audio] * len(audio), *self._prompt.after_audio(seconds, line.context)]
        ids = torch.tensor([*prompt, *self._prompt.answer(line.answer), *self._end])
        if len(ids) > self._longest:
            raise DataError(f"{line.where} takes {len(ids)} positions, and the model has {self._longest}.")
        labels = ids.masked_fill(torch.isin(ids, torch.tensor(self._never)), IGNORED)
        if self._learned == "answer":
            labels[: len(prompt)] = IGNORED
        return Example(ids.to(self._device), labels.to(self._device), audio, len(before), len(prompt), seconds)

    @property
    def header(self) -> int:
        """Tokens of the assistant's header, with which every answer begins."""
        return len(self._prompt.answer_start())

    @property
    def stops(self) -> frozenset[int]:
        """Tokens that end an answer."""
        return self._prompt.stop_ids

    def text(self, ids: list[int]) -> str:
        """What tokens of an answer say."""
        return self._prompt.text(ids)
