"""Prompt lookup: what followed the last words when they were said before, or where they stand in the prompt.

Somebody who says "the Wasserstein distance" says it again, and a name of five tokens is written as the hotwords have
it. The longest run of tokens that occurred before tells what may follow (Saxena 2023, prompt lookup decoding). Inside
of a word that is nearly certain, from one word to the next it seldom comes true. So for every sort of guess the share
that was right is kept, whether the guess was made or not, and guesses are made only where they save more than they
cost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from model.drafts.token_texts import TokenTexts

_CONTEXT_READ = 4096
"""Characters of a context that guesses go by: reading them takes some hundredths of a second."""
_BETWEEN = re.compile(r"[\n,;:.，；：。、]+")
_LONGEST_RUN = 4
_WORTH = 0.4
"""Chance of a first guessed token from which on a guess is made: its row waits for the host in the next step."""
_PAST = 0.9
"""Weight of what was, in the running share of right guesses."""
_SAID = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.5}
"""That share before anything is known, by the length of the run, from word to word of what was said."""
_CERTAIN = 0.7
"""That share inside of a word, and where the prompt goes on."""
_MOST_GUESSED = 8
_PAUSE = -1
"""Stands between phrases; no token."""


class Phrases:
    """Runs of tokens, and where each occurred last.

    ``tokens``: all of them in order, with a pause behind each phrase.
    """

    def __init__(self, phrases: Iterable[list[int]] = ()) -> None:
        self.tokens: list[int] = []
        self._behind: dict[tuple[int, ...], int] = {}
        for phrase in phrases:
            for token in [*phrase, _PAUSE]:
                self.add(token)

    def add(self, token: int) -> None:
        """The next token."""
        runs = self.runs(token) if token != _PAUSE else []
        self.tokens.append(token)
        self._behind.update(dict.fromkeys(runs, len(self.tokens)))

    def pause(self) -> None:
        """The phrase is over."""
        self.add(_PAUSE)

    def runs(self, token: int) -> list[tuple[int, ...]]:
        """The last tokens if ``token`` is the next one, longest run first."""
        tail = [*self.tokens[1 - _LONGEST_RUN :], token]
        begin = max((place + 1 for place, token in enumerate(tail) if token == _PAUSE), default=0)
        return [tuple(tail[place:]) for place in range(begin, len(tail))]

    def continuation(self, run: tuple[int, ...]) -> list[int]:
        """What followed a run where it occurred last; empty where it never did."""
        place = self._behind.get(run)
        if place is None:
            return []
        following = self.tokens[place : place + _MOST_GUESSED]
        return following[: following.index(_PAUSE)] if _PAUSE in following else following


def context_phrases(texts: TokenTexts, context: str | None) -> Phrases:
    """What a prompt's context may make somebody say: its parts between punctuation, as they stand amid a sentence."""
    parts = [part.strip() for part in _BETWEEN.split((context or "")[:_CONTEXT_READ])]
    spelled = [f" {part}" if part[0].lower() != part[0].upper() else part for part in parts if part]
    return Phrases(texts.each(spelled) if spelled else [])


class _Sort(NamedTuple):
    """Guesses that come true alike: by the run they follow, whether the prompt has it, and inside of words."""

    length: int
    known: bool
    in_word: bool


class PhraseDraft:
    """Follows the contents of one answer."""

    def __init__(self, text: Callable[[int], str], known: Phrases) -> None:
        """``text``: of a token. ``known``: phrases of the prompt."""
        self._text = text
        self._known = known
        self._said = Phrases()
        self._trust: dict[_Sort, float] = {}
        self._sort = _Sort(0, False, False)
        self._next: list[int] = []

    def follow(self, token: int) -> None:
        """The next token of the content."""
        if self._next:
            self._trust[self._sort] = _PAST * self._expected() + (1 - _PAST) * (self._next[0] == token)
        self._find(token)
        self._said.add(token)

    def pause(self) -> None:
        """The content is over."""
        self._said.pause()
        self._next = []

    def guess(self) -> list[int]:
        """Tokens that may follow; fewer where fewer such guesses came true."""
        if not self._next or (trust := self._expected()) < _WORTH:
            return []
        return self._next[: max(2, round(1 / (1 - min(trust, 0.9))))]

    def _expected(self) -> float:
        """How often the sort of guess at hand comes true."""
        sort = self._sort
        return self._trust.get(sort, _CERTAIN if sort.in_word or sort.known else _SAID[sort.length])

    def _find(self, token: int) -> None:
        """What followed the longest run that ends in the token."""
        self._next = []
        for run in self._said.runs(token):
            for phrases in (self._said, self._known):
                following = phrases.continuation(run)
                if len(run) == 1:
                    following = self._joined(token, following)
                if following:
                    letter = self._text(following[0])[:1]
                    in_word = (letter.islower() or letter.isdigit()) and self._text(token)[-1:].isalnum()
                    self._sort, self._next = _Sort(len(run), phrases is self._known, in_word), following
                    return

    def _joined(self, token: int, following: list[int]) -> list[int]:
        """A single token tells how its word goes on, and no more."""
        joints = (not self._text(other)[:1].isalnum() for other in following)
        rest = following[: next((count for count, joint in enumerate(joints) if joint), None)]
        return rest if self._text(token)[-1:].isalnum() else []
