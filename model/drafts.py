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

_ALIKE = 3
"""Tokens that have to be the same for a place to be taken for the same: ``":"`` and the like are everywhere."""
_REACH = 32
"""Tokens of the old answer that are searched for such a place."""
_MOST_GUESSED = 256
"""Tokens in one guess; a window of half a minute has fewer."""

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

    def guess(self) -> list[int]:
        """The tokens behind the place where the old answer reads like the new one; none where none does."""
        return [] if self._lost else self._old[self._place : self._place + _MOST_GUESSED]

    def _find(self) -> None:
        for end in range(self._place + 1, min(self._place + _REACH, len(self._old)) + 1):
            if self._old[max(0, end - _ALIKE) : end] == self._tail:
                self._place, self._lost = end, False
                return
