"""How probable the tokens of a text were, and which of them carry which part of it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_LONGEST_CHARACTER: Final = 4
"""Bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of a segment's content with its log-probability.

    ``likeliest``: those of its place, the likeliest first, where they were asked for.
    """

    token: str
    bytes: tuple[int, ...]
    logprob: float
    likeliest: tuple[TokenLogprob, ...] = ()


def token_logprob(spelled: bytes, logprob: float, likeliest: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    """Of a token that is spelled with these bytes, which may be a part of a character."""
    return TokenLogprob(spelled.decode("utf-8", "replace"), tuple(spelled), logprob, likeliest)


def led(lead: str, tokens: Sequence[TokenLogprob]) -> list[TokenLogprob]:
    """Tokens of a text with ``lead`` for the spaces that the first of them begins with."""
    return [
        token if place else token_logprob(lead.encode() + bytes(token.bytes).lstrip(b" "), token.logprob)
        for place, token in enumerate(tokens)
    ]


def carried(text: str, tokens: Sequence[TokenLogprob], *, last: bool = True) -> list[TokenLogprob]:
    """Tokens cut to what they carry of ``text``: without JSON in front of it, and behind it where nothing else comes.

    The text's first character may have begun in a token before, and unless this is the ``last`` of a text the next one
    may begin in these. Tokens in which the text cannot be found stay whole.
    """
    spelled = b"".join(bytes(token.bytes) for token in tokens)
    wanted = text.encode(errors="surrogatepass")
    rests = (wanted[begun:] for begun in range(min(len(wanted), _LONGEST_CHARACTER)))
    found = next((rest for rest in rests if rest in spelled), None)
    if found is None:
        return list(tokens)
    at = spelled.index(found)
    begin, end = at, at + len(found) if last else len(spelled)
    cut = []
    for token in tokens:
        part = bytes(token.bytes)[max(begin, 0) : max(end, 0)]
        begin, end = begin - len(token.bytes), end - len(token.bytes)
        if part:
            cut.append(token if len(part) == len(token.bytes) else token_logprob(part, token.logprob))
    return cut


def seen(text: str) -> int:
    """How many characters of a text are no spaces."""
    return sum(map(len, text.split()))


@dataclass(frozen=True, slots=True)
class TextLogprobs:
    """Which tokens carry which part of a text.

    Texts are compared, cut and joined again with other spaces, so places in them are counted in what is seen.

    Attributes:
        tokens: in order.
        ends: how much of the text is seen when each is written.
    """

    tokens: tuple[TokenLogprob, ...] = ()
    ends: tuple[int, ...] = ()

    @classmethod
    def of(cls, pieces: Sequence[tuple[str, tuple[TokenLogprob, ...]]]) -> TextLogprobs:
        """Of a text that was written in pieces, each by some tokens."""
        tokens: list[TokenLogprob] = []
        ends: list[int] = []
        written = 0
        for place, (text, carriers) in enumerate(pieces, start=1):
            written += seen(text)
            tokens += carried(text, carriers, last=place == len(pieces))
            ends += [written] * (len(tokens) - len(ends))
        return cls(tuple(tokens), tuple(ends))

    def between(self, first: int, last: int) -> tuple[TokenLogprob, ...]:
        """Those that end behind ``first`` characters and not behind ``last``: all parts give all tokens, each once."""
        return self.tokens[bisect_right(self.ends, first) : bisect_right(self.ends, last)]

    def behind(self, first: int) -> TextLogprobs:
        """Those of the text without its first ``first`` characters."""
        begin = bisect_right(self.ends, first)
        return TextLogprobs(self.tokens[begin:], tuple(end - first for end in self.ends[begin:]))

    def part(self, first: int, last: int) -> TextLogprobs:
        """Those of the text from its character ``first`` up to ``last``."""
        begin, end = bisect_right(self.ends, first), bisect_right(self.ends, last)
        return TextLogprobs(self.tokens[begin:end], tuple(at - first for at in self.ends[begin:end]))

    def followed(self, other: TextLogprobs, length: int) -> TextLogprobs:
        """Those of the text, of ``length`` characters, and of another behind it."""
        return TextLogprobs((*self.tokens, *other.tokens), (*self.ends, *(length + at for at in other.ends)))
