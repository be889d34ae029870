"""Whether tokenizer, template and configuration of a checkpoint fit together and write the prompt that is needed."""

from __future__ import annotations

from typing import Any, cast

from tokenizers import decoders
from transformers import Qwen2Config, VibeVoiceAsrConfig, VibeVoiceAsrProcessor

from model.errors import CheckpointError
from model.family.vibevoice_asr.answer_text import END_OF_TURN, TURN
from model.family.vibevoice_asr.prompt import TemplatePrompt

_CONTEXT = "\ue002"


def check_tokens(processor: VibeVoiceAsrProcessor, config: VibeVoiceAsrConfig, name: str) -> None:
    """Raise CheckpointError for a tokenizer of another model: other ids, or no bytes behind its tokens."""
    tokenizer = processor.tokenizer
    if not isinstance(tokenizer.backend_tokenizer.decoder, decoders.ByteLevel):
        raise CheckpointError(
            f"The tokenizer of {name} is not a byte-level BPE, as Qwen2.5's is: it is another model's."
        )
    special = (processor.audio_token, processor.audio_bos_token, processor.audio_eos_token, TURN, END_OF_TURN)
    ids = [tokenizer.convert_tokens_to_ids(token) for token in special]
    unknown = [token for token, number in zip(special, ids, strict=True) if not _has(tokenizer, token, number)]
    if unknown:
        raise CheckpointError(f"The tokenizer of {name} lacks {', '.join(unknown)}: it is another model's.")
    expected = [config.audio_token_id, config.audio_bos_token_id, config.audio_eos_token_id]
    if ids[:3] != expected:
        raise CheckpointError(
            f"The tokenizer of {name} has the audio tokens at {ids[:3]}, its config.json at {expected}: they belong "
            "to different checkpoints."
        )
    if len(tokenizer) > (size := cast(Qwen2Config, config.text_config).vocab_size):
        raise CheckpointError(f"The tokenizer of {name} has {len(tokenizer)} tokens, the model knows {size}.")


def _has(tokenizer: Any, token: str, number: int | None) -> bool:
    return number is not None and tokenizer.convert_ids_to_tokens(number) == token


def check_template(processor: VibeVoiceAsrProcessor, name: str, repository: str) -> None:
    """Raise CheckpointError unless the chat template writes audio, then the duration, then a context between tags.

    This is what ``TemplatePrompt`` takes apart. ``repository``: of a checkpoint whose template does.
    """
    if not isinstance(processor.chat_template, str):
        raise CheckpointError(
            f"{name} has no chat template: put chat_template.jinja of {repository} beside its weights."
        )
    try:
        plain, contextual = TemplatePrompt.render(processor, None), TemplatePrompt.render(processor, _CONTEXT)
    except Exception as error:  # a template is a program, and may fail in any way
        raise CheckpointError(f"The chat template of {name} cannot be rendered: {error}") from error
    audio = processor.audio_bos_token + processor.audio_token + processor.audio_eos_token
    for text in (plain, contextual):
        _, found, instruction = text.partition(audio)
        once = found and text.count(processor.audio_token) == 1
        if not once or processor.audio_duration_token not in instruction:
            raise _foreign(name, repository)
    before, found, after = instruction.partition(_CONTEXT)
    if not found or _CONTEXT in after or "|>" not in before or "<|" not in after:
        raise _foreign(name, repository)


def _foreign(name: str, repository: str) -> CheckpointError:
    return CheckpointError(
        f"The chat template of {name} does not write a request of VibeVoice-ASR (audio, its duration, the context): "
        f"put chat_template.jinja of {repository} in its place."
    )
