"""Answers of a model that knows what it wants to say, in its own tokens: it goes on from whatever is forced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import Qwen2Tokenizer

from model.family.vibevoice_asr.answer_text import AnswerText
from server.engine.client.answer import WholeAnswer
from server.engine.messages import AnswerDone, EndReason
from server.transcript.detokenizer import Vocabulary


class Author:
    """Writes with the tokenizer and the prompt code of one checkpoint, and without PyTorch: workers start with it.

    Attributes:
        prompt: which decides how much of a prefix is forced.
        vocabulary: for reading what was written.
        tokenizer: the checkpoint's.
    """

    def __init__(self, checkpoint: Path) -> None:
        """``checkpoint``: a folder with a tokenizer."""
        tokenizer: Any = Qwen2Tokenizer.from_pretrained(checkpoint)
        self.prompt = AnswerText(tokenizer)
        self.tokenizer: Tokenizer = tokenizer.backend_tokenizer
        self.vocabulary = Vocabulary(self.tokenizer)

    def forced(self, prefix: str) -> list[int]:
        """The tokens that are forced where ``prefix`` is wanted."""
        return self.prompt.answer_start(prefix, header=False)

    def rest(self, forced: list[int], answer: str) -> list[int]:
        """The tokens of ``answer`` behind those that it was forced to begin with.

        Raises AssertionError where the answer would not have begun with them: behind something that it would never
        write, a model can but make things up.
        """
        whole = self.prompt.answer(answer, header=False)
        assert whole[: len(forced)] == forced, f"{self.prompt.text(forced)!r} does not begin {answer!r}"
        return whole[len(forced) :]

    def whole_answer(self, answer: str, *, prefix: str = "", cut: bool = False) -> WholeAnswer:
        """``answer`` as the engine hands it over, to a question with this prefix."""
        forced = self.forced(prefix)
        tokens = tuple(self.rest(forced, answer))
        reason = EndReason.LENGTH if cut else EndReason.STOP
        done = AnswerDone(1, reason, self.prompt.text(forced), 100, 75, len(tokens), 0.0, 0.1, 0.2)
        return WholeAnswer(tokens, (-0.1,) * len(tokens), done)
