"""Between tokens and their text, for guesses."""

from __future__ import annotations

from typing import Any


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
