"""Transformers' continuous batching as contender.

``generate_batch`` takes token ids alone, so every audio frame becomes a *virtual id* at or above the vocabulary's size,
and the embedding layer looks those up among the embeddings that the encoders made.
"""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import Any, cast

import numpy as np
import torch
from transformers import GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from model.decoder.dimensions import language_config
from model.loading.checkpoint import Checkpoint
from model.reference import without_noise
from model.seam.audio import Samples

_PAGE = 64
_BATCH_TOKENS = 512
_ENCODER_BATCH = 8

# It calls it an error that memory cannot be sized without psutil, which is not asked of it here. What fails raises.
logging.getLogger("ContinuousBatchingLogger").setLevel(logging.CRITICAL)


class ContinuousBatching:
    """A copy of the checkpoint's model that runs Transformers' continuous batching; the checkpoint is not touched."""

    def __init__(self, checkpoint: Checkpoint, *, rows: int) -> None:
        """``rows``: requests that run at once."""
        self._processor = cast(Any, checkpoint.processor)
        self._model = cast(Any, deepcopy(checkpoint.model))
        self._model.model.language_model.set_attn_implementation("sdpa")  # it puts its own pages below that
        self._device, self._dtype = checkpoint.device, checkpoint.dtype
        self._rows = rows
        self._embedding = _VirtualEmbedding(
            self._model.get_input_embeddings(), language_config(checkpoint.model).vocab_size
        )
        self._model.set_input_embeddings(self._embedding)

    def generate(self, clips: list[Samples], *, tokens: int) -> list[str]:
        """Raw answers to ``clips``, each cut at ``tokens``. Latents are not sampled, decoding is greedy.

        Raises RuntimeError when a request is not answered.
        """
        prompts = self._prompts(clips)
        # As many pages as answers need that are as long as their prompts, which no ordinary speech has. Pages for the
        # worst case would be many more, and each costs time in every step: masks cover the whole cache.
        longest = sorted(map(len, prompts))[-self._rows :]
        outputs = self._model.generate_batch(
            prompts,
            generation_config=GenerationConfig(  # type: ignore[no-untyped-call]
                do_sample=False, max_new_tokens=tokens, eos_token_id=self._model.generation_config.eos_token_id
            ),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=_PAGE,
                num_blocks=sum(-(-2 * length // _PAGE) for length in longest),
                max_batch_tokens=max(_BATCH_TOKENS, self._rows),
                max_requests_per_batch=self._rows,
            ),
        )
        answers = [output.generated_tokens for output in outputs.values()]
        if len(answers) != len(clips) or any(output.error for output in outputs.values()):
            raise RuntimeError("continuous batching left requests unanswered")
        texts = self._processor.tokenizer.batch_decode(answers, skip_special_tokens=True)
        return [text.strip().removeprefix("assistant").strip() for text in texts]

    @torch.inference_mode()
    def _prompts(self, clips: list[Samples]) -> list[list[int]]:
        """Token ids with virtual ids in the places of the audio; their embeddings are laid down for the lookup."""
        prompts: list[list[int]] = [[] for _ in clips]
        pools: list[torch.Tensor] = []
        used = 0
        order = np.argsort([clip.size for clip in clips], kind="stable").tolist()  # alike lengths waste no padding
        for first in range(0, len(order), _ENCODER_BATCH):
            numbers = order[first : first + _ENCODER_BATCH]
            inputs = self._processor.apply_transcription_request(
                [clips[number] for number in numbers], processor_kwargs={"audio_kwargs": {"sampling_rate": 24_000}}
            ).to(self._device, self._dtype)
            pool = self._model.get_audio_features(
                inputs["input_values"], padding_mask=inputs["padding_mask"], **without_noise(self._model)
            ).pooler_output
            pools.append(pool)
            for number, ids, attended in zip(numbers, inputs["input_ids"], inputs["attention_mask"], strict=True):
                prompt = ids[attended.bool()].clone()
                audio = prompt == self._model.config.audio_token_id
                frames = int(audio.sum())
                prompt[audio] = torch.arange(used, used + frames, device=prompt.device) + self._embedding.vocabulary
                used += frames
                prompts[number] = prompt.tolist()
        self._embedding.pool = torch.cat(pools)
        return prompts


class _VirtualEmbedding(torch.nn.Module):
    """Ids below the vocabulary's size are tokens, ids from there on are rows of ``pool`` [frames, hidden]."""

    pool: torch.Tensor

    def __init__(self, tokens: torch.nn.Module, vocabulary: int) -> None:
        super().__init__()
        self.tokens = tokens
        self.vocabulary = vocabulary

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        virtual = ids >= self.vocabulary
        words: torch.Tensor = self.tokens(ids.masked_fill(virtual, 0))
        return torch.where(virtual[..., None], self.pool[(ids - self.vocabulary).clamp(min=0)], words)
