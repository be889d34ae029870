"""Transformers' own ``generate``, deterministic: what every answer is compared with."""

from __future__ import annotations

from typing import Any, cast

import torch

from model.loading.checkpoint import Checkpoint
from model.reference import without_noise
from model.seam.audio import Samples


class Oracle:
    """Answers of ``model.generate`` without noise on the processor's own inputs."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint

    def inputs(self, clips: list[Samples], prompts: list[str | None] | None = None) -> Any:
        """The processor's batch, left-padded, for ``clips`` and their contexts; audio in the model's dtype."""
        processor: Any = self._checkpoint.processor
        batch = processor.apply_transcription_request(
            list(clips), prompt=prompts, processor_kwargs={"audio_kwargs": {"sampling_rate": 24_000}}
        )
        return batch.to(self._checkpoint.dtype)

    def answer(self, clip: Samples, *, context: str | None = None, tokens: int = 60) -> list[int]:
        """Up to ``tokens`` answer tokens, cut behind the first stop token."""
        return self.answers([clip], contexts=[context], tokens=tokens)[0]

    def answers(
        self, clips: list[Samples], *, contexts: list[str | None] | None = None, tokens: int = 60
    ) -> list[list[int]]:
        """Answers of one left-padded batch."""
        inputs, model = self.inputs(clips, contexts), cast(Any, self._checkpoint.model)
        with torch.inference_mode():
            output = model.generate(**inputs, **without_noise(model), max_new_tokens=tokens)
        answers = output[:, inputs["input_ids"].shape[1] :].tolist()
        tokenizer = self._checkpoint.processor.tokenizer
        stops = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}
        return [_until_stop(answer, stops) for answer in answers]


def _until_stop(answer: list[int], stops: set[int]) -> list[int]:
    for place, token in enumerate(answer):
        if token in stops:
            return answer[: place + 1]
    return answer
