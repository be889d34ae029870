"""A beginning that somebody cut anywhere, in the tokens that the model would have written it with.

What a caller's text ends with may be the first half of a word, and its tokens those of another word: a model that never
saw a word spelled so goes on strangely. So the last piece of the text, which what follows may make longer, is written
by the model itself, token by token, and only tokens that spell the same are taken.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from model.seam.streams import Likeliest, Question
from server.conversations.pieces import Piece
from server.engine.client.stream import EngineStream
from server.engine.messages import AnswerDone
from server.hearing.costs import together
from server.transcript.detokenizer import Vocabulary
from server.transcript.logprobs import token_logprob

_MOST_BACK = 8
"""Tokens that are written anew at most: no token spells what eight others do, and some scripts have no spaces."""


@dataclass(frozen=True, slots=True)
class Healed:
    """A beginning that the answer can go on from.

    Attributes:
        tokens: of all of it.
        more: what the last of them says beyond the text, with that token; None where it says no more.
        spent: what it took; None where nothing was asked.
    """

    tokens: tuple[int, ...]
    more: Piece | None = None
    spent: AnswerDone | None = None


async def heal(stream: EngineStream, question: Question, vocabulary: Vocabulary, *, likeliest: int) -> Healed:
    """The beginning ``question.begun``, behind the same text. Raises EngineError.

    The likeliest tokens are taken, whatever the temperature. Where none of the likeliest spells the text its own tokens
    stay. ``likeliest``: so many are told of the place of ``more``.
    """
    kept, rest = _cut(question.begun, vocabulary)
    begun, spent = list(kept), None
    while rest:
        asked = replace(question, begun=tuple(begun), max_tokens=len(begun) + 1, temperature=0.0, likeliest=True)
        place, done = await _place_behind(stream, asked)
        spent = done if spent is None else together(spent, done)
        found = _fitting(rest, place, vocabulary)
        if found is None:
            return Healed(question.begun, spent=spent)
        token, logprob = found
        spelled = vocabulary.bytes_of(token)
        begun.append(token)
        if len(spelled) > len(rest):
            others = tuple(token_logprob(vocabulary.bytes_of(each), p) for each, p in place[:likeliest])
            more = spelled[len(rest) :]
            return Healed(tuple(begun), Piece(more.decode(), (token_logprob(more, logprob, others),)), spent)
        rest = rest[len(spelled) :]
    return Healed(tuple(begun), spent=spent)


def spare_tokens(begun: tuple[int, ...], vocabulary: Vocabulary) -> int:
    """How many tokens more than its own a beginning may come to have: of what is written anew, each spells a byte."""
    kept, rest = _cut(begun, vocabulary)
    return len(kept) + len(rest) - len(begun)


def _cut(tokens: tuple[int, ...], vocabulary: Vocabulary) -> tuple[tuple[int, ...], bytes]:
    """The tokens in front of the last piece of their text, and the bytes of that, as far as it is written anew."""
    longest = vocabulary.last_piece(vocabulary.text(tokens))
    rest = b""
    kept = len(tokens)
    while kept and len(rest) < longest and len(tokens) - kept < _MOST_BACK:
        kept -= 1
        rest = vocabulary.bytes_of(tokens[kept]) + rest
    return tokens[:kept], rest


def _fitting(rest: bytes, place: Likeliest, vocabulary: Vocabulary) -> tuple[int, float] | None:
    """The likeliest token that spells the ``rest``, a beginning of it, or more, in whole characters."""
    for token, logprob in place:
        spelled = vocabulary.bytes_of(token)
        if spelled and (rest.startswith(spelled) or (spelled.startswith(rest) and _is_text(spelled[len(rest) :]))):
            return token, logprob
    return None


def _is_text(spelled: bytes) -> bool:
    try:
        spelled.decode()
    except UnicodeDecodeError:
        return False
    return True


async def _place_behind(stream: EngineStream, question: Question) -> tuple[Likeliest, AnswerDone]:
    """What is likely behind the beginning of the answer; nothing where its end is."""
    answer = stream.ask(question)
    parts = [part async for part in answer]
    assert answer.done is not None
    return parts[0].likeliest[0] if parts and parts[0].likeliest else (), answer.done
