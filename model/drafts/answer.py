"""Guesses at the next answer tokens, for the next forward to verify beside the token it computes anyway.

A verified guess saves a whole forward and a wrong one costs next to nothing. In float32, and in any dtype with one
order of summation (``model.deterministic``), the answer is the same without. What can be foreseen: how the JSON goes on
(``model.family.template``), what was said before or stands in the prompt (``model.drafts.phrases``), and the answer to
less of the same audio.
"""

from __future__ import annotations

import re
from typing import Any

from model.drafts.phrases import PhraseDraft, Phrases
from model.family.template import Template

_ALIKE = 3
"""Tokens that have to be the same for a place to be taken for the same: ``":"`` and the like are everywhere."""
_CONTEXT_READ = 4096
"""Characters of a context that guesses go by: reading them takes some hundredths of a second."""
_BETWEEN = re.compile(r"[\n,;:.，；：。、]+")
_REACH = 32
"""Tokens of the old answer that are searched for such a place."""
_MOST_GUESSED = 256
"""Tokens in one guess; a window of half a minute has fewer."""


class TokenTexts:
    """Text of each token, looked up once; one per checkpoint. Tokens that are no whole characters have none."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._texts: dict[int, str] = {}

    def text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._tokenizer.decode([token]).replace("\ufffd", "")
        return self._texts[token]

    def ids(self, text: str) -> list[int]:
        """Tokens of a text, which is plain text."""
        return self.each([text])[0]

    def each(self, texts: list[str]) -> list[list[int]]:
        """Tokens of each text; many at once take much less time than one by one."""
        ids: list[list[int]] = self._tokenizer(texts, add_special_tokens=False, split_special_tokens=True).input_ids
        return ids


def context_phrases(texts: TokenTexts, context: str | None) -> Phrases:
    """What a prompt's context may make somebody say: its parts between punctuation, as they stand amid a sentence."""
    parts = [part.strip() for part in _BETWEEN.split((context or "")[:_CONTEXT_READ])]
    spelled = [f" {part}" if part[0].lower() != part[0].upper() else part for part in parts if part]
    return Phrases(texts.each(spelled) if spelled else [])


class AnswerDraft:
    """Follows one answer and guesses how it goes on: its JSON, and inside a content by phrases known already.

    It guesses text, and leaves it to the verification whether the model cuts that text into the same tokens: they
    begin where the last token ended, as in the real vocabulary ``."`` and ``},{"`` are two.
    """

    def __init__(self, texts: TokenTexts, known: Phrases) -> None:
        """``known``: phrases of the prompt."""
        self._texts = texts
        self._template = Template()
        self._phrases = PhraseDraft(texts.text, known)

    def follow(self, tokens: list[int]) -> None:
        """Tell it the next tokens of the answer, forced ones and the header included."""
        for token in tokens:
            spoken = self._template.in_content
            self._template.follow(self._texts.text(token))
            if spoken:
                self._phrases.follow(token)
                if not self._template.in_content:
                    self._phrases.pause()

    def guess(self, unread: int = 0) -> list[int]:
        """Tokens that may come next, some twenty at most; none where nothing can be foreseen.

        ``unread``: 1 where the next token is chosen but not known; the guess is about those behind it.
        """
        if text := self._template.foreseen(unread=bool(unread)):
            return self._texts.ids(text)[unread:]
        return self._phrases.guess()[unread:] if self._template.in_content else []


class HypothesisDraft:
    """Guesses by an answer that the present one may resemble, such as the one to less of the same audio.

    As long as the two agree, all the rest of the old answer is the guess. Where they part, as where a segment has
    become longer and its end another number, it goes on behind the next place that reads like the last tokens written.
    """

    def __init__(self, tokens: list[int], start: list[int]) -> None:
        """``tokens``: the old answer. ``start``: tokens that the new one is forced to begin with."""
        self._old = tokens
        self._place = 0  # in the old answer: what is expected next
        self._lost = False
        self._tail: list[int] = []
        self.follow(start)

    def follow(self, tokens: list[int]) -> None:
        """Tell it the next tokens of the new answer."""
        for token in tokens:
            self._tail = [*self._tail[1 - _ALIKE :], token]
            if not self._lost and self._place < len(self._old) and self._old[self._place] == token:
                self._place += 1
            else:
                self._lost = True
                self._find()

    def guess(self, unread: int = 0) -> list[int]:
        """The tokens behind the place where the old answer reads like the new one; none where none does.

        ``unread``: tokens that are chosen but not known; the guess is about those behind them.
        """
        return [] if self._lost else self._old[self._place + unread : self._place + _MOST_GUESSED]

    def _find(self) -> None:
        for end in range(self._place + 1, min(self._place + _REACH, len(self._old)) + 1):
            if self._old[max(0, end - _ALIKE) : end] == self._tail:
                self._place, self._lost = end, False
                return
