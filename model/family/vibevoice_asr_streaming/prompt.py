"""Token ids of a stream by turns: the prompt, which may have a context, and the markers. There is no template.

A caller's context is plain text, whatever it spells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from model.errors import CheckpointError
from model.family.vibevoice_asr_streaming.protocol import END, EXTRA, PROMPT, SPEECH_END, SPEECH_START, TURN_END


def turn_end_of(tokenizer: Any) -> int:
    """The token behind a turn's text: the tokenizer's own, or the one that was added to Qwen2.5's as the next."""
    number = tokenizer.get_vocab().get(TURN_END)
    return len(tokenizer) if number is None else int(number)


def check_tokens(processor: Any, config: Any, name: str) -> None:
    """Raise CheckpointError for a tokenizer without the markers, or a model that does not know the tokens."""
    tokenizer = processor.tokenizer
    known = tokenizer.get_vocab()
    if lacking := [token for token in (SPEECH_START, SPEECH_END, END) if token not in known]:
        raise CheckpointError(f"The tokenizer of {name} lacks {', '.join(lacking)}: it is another model's.")
    if (end := turn_end_of(tokenizer)) >= (size := config.text_config.vocab_size):
        raise CheckpointError(f"{TURN_END} of {name} would be token {end}, and the model knows {size}.")


class TurnPrompt:
    """See ``model.family.Prompt``; a stream by turns asks for ``opening``, ``around`` and ``endings``.

    Attributes:
        around: tokens in front of and behind the frames of a window.
        endings: tokens that end the text of a window, each of which stands as ``turn_end`` in the stream.
        turn_end: see ``Turns.end``.
    """

    def __init__(self, processor: Any) -> None:
        self._tokenizer = processor.tokenizer
        number: Any = self._tokenizer.convert_tokens_to_ids
        self.around: tuple[int, int] = number(SPEECH_START), number(SPEECH_END)
        self.turn_end = turn_end_of(self._tokenizer)
        self.stop_ids = frozenset({cast(int, number(END))})
        self.endings = self.stop_ids | {self.turn_end}
        self.before_audio = self.opening(None)

    def opening(self, context: str | None) -> list[int]:
        """In front of the first window."""
        context = context.strip() if context else ""
        return self._as_text(PROMPT.format(extra=EXTRA.format(context=context) if context else ""))

    def before(self, system: str) -> list[int]:
        """See Prompt: there is no system's part in it."""
        return self.before_audio

    def after_audio(self, seconds: float, context: str | None = None, *, said: Sequence[str] = ()) -> list[int]:
        """See Prompt: nothing, the text of a window follows it at once."""
        return []

    def answer_start(self, prefix: str = "", *, header: bool = True) -> list[int]:
        """See Prompt."""
        return self._as_text(prefix)

    def answer(self, text: str, *, header: bool = True) -> list[int]:
        """See Prompt."""
        return self._as_text(text)

    def text(self, ids: list[int]) -> str:
        """See Prompt."""
        return cast(str, self._tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def _as_text(self, text: str) -> list[int]:
        return cast(list[int], self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)
