"""Text that is put into an answer, as tokens that the model might have written."""

from __future__ import annotations

from itertools import takewhile
from typing import NamedTuple

from server.transcript.detokenizer import Vocabulary

_MOST_BACK = 4
"""Tokens in front of a join that may be cut anew with it: a full stop and the quote behind it are often one."""
_NUMBERS = ("0", "1", "25", "9.5")
"""What may come behind a forced ``"End":``."""


class Bridge(NamedTuple):
    """An answer with something forced behind it.

    Attributes:
        tokens: of all of it.
        text: that is forced, as far as it is.
    """

    tokens: tuple[int, ...]
    text: str


def bridged(vocabulary: Vocabulary, tokens: list[int], text: str) -> Bridge:
    """``text``, behind which a number follows, behind the answer's ``tokens``, which end with a whole character.

    It is cut into tokens together with the marks in front of it, as the model would have written it, and forced only as
    far as its tokens do not depend on the number.
    """
    kept = len(tokens) - _marks(vocabulary, tokens)
    before = _text(vocabulary, tokens[kept:])
    first, *others = (vocabulary.ids(before + text + number) for number in _NUMBERS)
    same = [all_[0] for all_ in takewhile(lambda them: len(set(them)) == 1, zip(first, *others, strict=False))]
    while not (before + text).startswith(_text(vocabulary, same)):
        same.pop()
    return Bridge((*tokens[:kept], *same), _text(vocabulary, same)[len(before) :])


def _marks(vocabulary: Vocabulary, tokens: list[int]) -> int:
    """How many of the last tokens are nothing but marks."""
    last = tokens[: -_MOST_BACK - 1 : -1]
    return sum(1 for _ in takewhile(lambda token: _is_mark(vocabulary.bytes_of(token)), last))


def _is_mark(spelled: bytes) -> bool:
    try:
        text = spelled.decode()
    except UnicodeDecodeError:
        return False
    return bool(text) and not any(character.isalnum() or character.isspace() for character in text)


def _text(vocabulary: Vocabulary, tokens: list[int]) -> str:
    return b"".join(map(vocabulary.bytes_of, tokens)).decode(errors="replace")
