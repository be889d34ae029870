"""Guesses at the next answer tokens, for the next forward to verify beside the token it computes anyway.

A verified guess saves a whole forward and a wrong one costs next to nothing, so the answer never changes. Most of an
answer's structure can be foreseen: ``TemplateDraft`` guesses the constant keys of the JSON, that a segment starts where
the last one ended, and that the same speaker goes on. It guesses text and leaves it to the verification whether the
model would have cut that text into the same tokens.
"""

from __future__ import annotations

import re
from typing import Any

_TAIL = 64
"""Characters of the answer that a guess can depend on: a number and the key before it."""

_NUMBER = r"(\d+(?:\.\d+)?)"
_END = re.compile(rf'"End":{_NUMBER},"')
_SPEAKER = re.compile(r'"Speaker":(\d+),"')
_START_KEY_NEXT = re.compile(rf'"Start":{_NUMBER},"$')
_END_KEY_NEXT = re.compile(rf'"End":{_NUMBER},"$')
_SPEAKER_KEY_NEXT = re.compile(r'"Speaker":\d+,"$')
_START_TOLD = re.compile(r'"Start":\d+\.\d\d$')
_END_TOLD = re.compile(r'"End":\d+\.\d\d$')


class TokenTexts:
    """Text of each token, looked up once; one per checkpoint. Tokens that are no whole characters have none."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._texts: dict[int, str] = {}
        self._ids: dict[str, list[int]] = {}

    def text(self, token: int) -> str:
        if token not in self._texts:
            self._texts[token] = self._tokenizer.decode([token]).replace("\ufffd", "")
        return self._texts[token]

    def ids(self, text: str) -> list[int]:
        """Tokens of a guess; guesses with numbers in them are not worth remembering."""
        if text not in self._ids:
            ids: list[int] = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
            if any(character.isdigit() for character in text):
                return ids
            self._ids[text] = ids
        return self._ids[text]


class TemplateDraft:
    """Follows one answer and guesses how its JSON goes on."""

    def __init__(self, texts: TokenTexts) -> None:
        self._texts = texts
        self._tail = ""
        self._end = "0"
        self._speaker = "0"

    def follow(self, tokens: tuple[int, ...] | list[int]) -> None:
        """Tell it the next tokens of the answer, forced ones included."""
        for token in tokens:
            text = self._texts.text(token)
            self._tail = (self._tail + text)[-_TAIL:]
            if text.endswith('"'):
                self._remember()

    def guess(self) -> list[int]:
        """Tokens that may come next; none where nothing can be foreseen, as inside a content."""
        text = self._guess_text()
        return self._texts.ids(text) if text else []

    def _remember(self) -> None:
        if ends := _END.findall(self._tail):
            self._end = ends[-1]
        if speakers := _SPEAKER.findall(self._tail):
            self._speaker = speakers[-1]

    def _guess_text(self) -> str:
        tail = self._tail
        if tail.endswith('{"'):
            return f'Start":{self._end},"End":'
        if tail.endswith("assistant\n"):
            return '[{"Start":'
        if _START_TOLD.search(tail):
            return ',"End":'
        if _END_TOLD.search(tail):
            return f',"Speaker":{self._speaker},"Content":"'
        if _START_KEY_NEXT.search(tail):
            return 'End":'
        if _END_KEY_NEXT.search(tail):
            return f'Speaker":{self._speaker},"Content":"'
        return 'Content":"' if _SPEAKER_KEY_NEXT.search(tail) else ""
