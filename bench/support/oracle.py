"""Transformers' ``generate`` as contender: one clip after another, and in left-padded batches as its docs teach."""

from __future__ import annotations

import inspect
from typing import Any, cast

import torch

from model.loading.checkpoint import Checkpoint
from model.seam.audio import Samples


def generate(checkpoint: Checkpoint, clips: list[Samples], *, batch: int, tokens: int) -> list[str]:
    """Answers to ``clips`` in static batches of ``batch`` clips, in the order given, as raw text.

    ``tokens``: answers are cut here. Latents are not sampled, decoding is greedy.
    """
    processor, model = cast(Any, checkpoint.processor), cast(Any, checkpoint.model)
    answers: list[str] = []
    for first in range(0, len(clips), batch):
        inputs = processor.apply_transcription_request(
            list(clips[first : first + batch]), processor_kwargs={"audio_kwargs": {"sampling_rate": 24_000}}
        ).to(checkpoint.device, checkpoint.dtype)
        with torch.inference_mode():
            output = model.generate(**inputs, **without_noise(model), max_new_tokens=tokens)
        new = output[:, inputs["input_ids"].shape[1] :]
        answers += processor.tokenizer.batch_decode(new, skip_special_tokens=True)
    return [answer.strip().removeprefix("assistant").strip() for answer in answers]


def without_noise(model: Any) -> dict[str, bool]:
    """The argument that keeps latents from being sampled, where this Transformers has it; older ones always sample."""
    return {"sample": False} if "sample" in inspect.signature(model.model.get_audio_features).parameters else {}
