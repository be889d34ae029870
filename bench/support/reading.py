"""One recording read by a checkpoint as the model's documentation does it: prompt, audio, and a greedy answer."""

from __future__ import annotations

import torch
from transformers import DynamicCache

from model.encoder.streaming import AudioBuffer, EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint
from model.reference import read_on
from model.seam.audio import SAMPLE_RATE, Samples, clip_level


@torch.inference_mode()
def embedded_prompt(checkpoint: Checkpoint, samples: Samples) -> torch.Tensor:
    """[positions, width]: everything before the answer. ``samples``: [n], not yet at the model's level."""
    audio = AudioBuffer(checkpoint.family.geometry.hop)
    audio.append(clip_level(samples).apply(samples))
    audio.pad()
    (heard,) = StreamingEncoder(checkpoint.model).encode([EncoderState()], [audio.take(audio.frames)])
    prompt = checkpoint.family.prompt(checkpoint.processor)
    after = [*prompt.after_audio(samples.size / SAMPLE_RATE, None), *prompt.answer_start()]
    assert len(heard) == -(-samples.size // HOP)
    return torch.cat([embed(checkpoint, prompt.before_audio), heard, embed(checkpoint, after)])


@torch.inference_mode()
def greedy_answer(checkpoint: Checkpoint, embedded: torch.Tensor, tokens: int) -> list[int]:
    """Up to a stop token, which is left away, or ``tokens``."""
    tokenizer = checkpoint.processor.tokenizer
    stops = {tokenizer.eos_token_id, tokenizer.convert_tokens_to_ids("<|im_end|>")}
    language_model = checkpoint.model.model.language_model
    answer: list[int] = []
    cache, inputs = DynamicCache(config=language_model.config), embedded
    while len(answer) < tokens:
        hidden = read_on(language_model, inputs[None], cache)
        token = int(checkpoint.model.lm_head(hidden[0, -1]).argmax())
        if token in stops:
            break
        answer.append(token)
        inputs = embed(checkpoint, [token])
    return answer


def embed(checkpoint: Checkpoint, ids: list[int]) -> torch.Tensor:
    """[ids, width]."""
    embedded: torch.Tensor = checkpoint.model.get_input_embeddings()(torch.tensor(ids, device=checkpoint.device).long())
    return embedded
