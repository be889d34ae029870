"""Token ids of a request, as the checkpoint's own chat template renders them.

The template puts the audio *before* the instruction, and the instruction names the duration::

    system ... user <|object_ref_start|> [audio frames] <|object_ref_end|> This is a 3.20 seconds audio, ... <|im_end|>

so the part before the audio never changes, a growing recording keeps its audio positions, and only the instruction
has to be written again. The template is rendered once with markers in the variable places; each request only fills
them in. A user's context is always plain text: special tokens spelled out in it are not parsed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import VibeVoiceAsrProcessor

from model.family.vibevoice_asr.answer_text import END_OF_TURN, TURN, AnswerText
from model.family.vibevoice_asr.grammar import HEADER

_USER = "user\n"
_CONTEXT_MARK = "\ue000"
_AUDIO_MARK = "\ue001"
_SYSTEM_MARK = "\ue003"


class TemplatePrompt(AnswerText):
    """See ``model.family.Prompt``."""

    def __init__(self, processor: VibeVoiceAsrProcessor) -> None:
        super().__init__(processor.tokenizer)
        self._duration_mark = processor.audio_duration_token
        plain = self.render(processor, context=None)
        contextual = self.render(processor, context=_CONTEXT_MARK)
        before, self._plain = plain.split(processor.audio_token)
        _, self._contextual = contextual.split(processor.audio_token)
        self.before_audio: list[int] = self._with_specials(before)
        self._before_with_system, _ = self.render(processor, None, system=_SYSTEM_MARK).split(processor.audio_token)
        end_of_turn: Any = self._tokenizer.convert_tokens_to_ids(END_OF_TURN)
        self.stop_ids: frozenset[int] = frozenset({self._tokenizer.eos_token_id, end_of_turn})

    @staticmethod
    def render(processor: VibeVoiceAsrProcessor, context: str | None, system: str | None = None) -> str:
        """A request as the checkpoint's template writes it: placeholders for audio and duration, ``context`` as given.

        The template leaves out what messages of a system say; ``system`` is a variable of its own, which stands in
        place of its text. Raises whatever the template raises.
        """
        content = [{"type": "audio", "audio": _AUDIO_MARK}]
        if context is not None:
            content.append({"type": "text", "text": context})
        conversation: Any = [{"role": "user", "content": content}]  # Transformers' annotation knows plain strings only
        variables: Any = {} if system is None else {"system_prompt": system}
        return processor.apply_chat_template(conversation, tokenize=False, **variables)

    def before(self, system: str) -> list[int]:
        """See Prompt."""
        if not system or _SYSTEM_MARK not in self._before_with_system:
            return self.before_audio
        lead, text, tail = self._parted(self._before_with_system)
        return [
            *self._with_specials(lead),
            *self._as_text(text.replace(_SYSTEM_MARK, system)),
            *self._with_specials(tail),
        ]

    def after_audio(self, seconds: float, context: str | None = None, *, said: Sequence[str] = ()) -> list[int]:
        """See Prompt: the instruction with the duration in seconds and the context, or the turns of a conversation.

        The template has one turn of each and ignores what an assistant said; the turns are written as the language
        model's own chat format has them, and as this template writes its first.
        """
        if said:
            return self._conversation(said, f"{seconds:.2f}", context)
        template = self._contextual if context else self._plain
        template = template.replace(self._duration_mark, f"{seconds:.2f}")
        if not context:
            return self._with_specials(template)
        lead, text, tail = self._parted(template)
        told = text.replace(_CONTEXT_MARK, context)
        return [*self._with_specials(lead), *self._as_text(told), *self._with_specials(tail)]

    @staticmethod
    def _parted(template: str) -> tuple[str, str, str]:
        """The specials in front of what somebody says, what that is, and the specials behind it.

        It is one run of plain text: BPE merges may cross the joins of its parts.
        """
        before, middle = template.split("|>", 1)
        text, after = middle.split("<|", 1)
        return before + "|>", text, "<|" + after

    def _conversation(self, said: Sequence[str], seconds: str, context: str | None) -> list[int]:
        template = self._contextual if context else self._plain
        lead, text, tail = self._parted(template.replace(self._duration_mark, seconds))
        before, mark, request = text.rpartition(_CONTEXT_MARK)
        told = before + (context or "" if mark else "")
        blank = request[: len(request) - len(request.lstrip())]
        first = told + (blank + said[0] if said[0] else request)
        ids = [*self._with_specials(lead), *self._as_text(first), *self._with_specials(tail)]
        for number, words in enumerate(said[1:]):
            header = HEADER if number % 2 == 0 else _USER
            ids += [*self._with_specials(TURN + header), *self._as_text(words), *self._with_specials(tail)]
        return ids
