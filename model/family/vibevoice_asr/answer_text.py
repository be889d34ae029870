"""The text of answers as token ids and back, which takes a tokenizer alone."""

from __future__ import annotations

from itertools import takewhile
from typing import Any, cast

from model.family.vibevoice_asr.grammar import HEADER

TURN, END_OF_TURN = "<|im_start|>", "<|im_end|>"
"""Around whatever system, user and assistant say."""


class AnswerText:
    """What ``model.family.Prompt`` has for answers.

    Tests script answers with it in processes that never load PyTorch.
    """

    def __init__(self, tokenizer: Any) -> None:
        """``tokenizer``: one of Transformers', the checkpoint's."""
        self._tokenizer = tokenizer
        self._header = self._with_specials(TURN + HEADER)

    def answer_start(self, prefix: str = "", *, header: bool = True) -> list[int]:
        """See Prompt: the assistant header, then ``prefix`` as plain text.

        Whether another segment follows the last one of the prefix is for the model to say, so a prefix that ends with
        a segment is forced only as far as its tokens are the same with and without another one. Its closing brace is
        never forced: vocabularies that have ``}]`` and ``},{"`` say there which of the two it is, and to a model of
        such a vocabulary a brace of its own would be a strange thing to go on from. Where the brace shares its token
        with the quote before it (``"},{"``) or with the end of the sentence (``."}``), the model writes these too, and
        may add to the content; where the quote has a token of its own or with the sentence's end (``."``), the content
        is closed. Some ends of a content are cut differently by what follows: ``)"`` and ``},{"``, but ``)`` and
        ``"}`` and ``]``. A quote forced there would tell the model that another segment follows.
        """
        start = list(self._header) if header else []
        if not prefix.endswith("}"):
            return [*start, *self._as_text(prefix)]
        last, followed = self._as_text(prefix + "]"), self._as_text(prefix + ',{"')
        same = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(last, followed, strict=False))]
        before_brace = self.text(last).removesuffix("}]")
        while not before_brace.startswith(self.text(same)):  # nor does the cut lie within a character
            same.pop()
        return [*start, *same]

    def text(self, ids: list[int]) -> str:
        """See Prompt."""
        return cast(str, self._tokenizer.decode(ids, clean_up_tokenization_spaces=False))

    def answer(self, text: str, *, header: bool = True) -> list[int]:
        """See Prompt."""
        return [*(self._header if header else []), *self._as_text(text)]

    def _with_specials(self, text: str) -> list[int]:
        return cast(list[int], self._tokenizer(text, add_special_tokens=False).input_ids)

    def _as_text(self, text: str) -> list[int]:
        return cast(list[int], self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)
