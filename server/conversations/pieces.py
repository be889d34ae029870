"""An answer in the model's own words, piece by piece, up to where the caller wants it to end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from model.seam.streams import Likeliest
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.logprobs import TokenLogprob, token_logprob


@dataclass(frozen=True, slots=True)
class Piece:
    """Whole characters, and the tokens that they were written with; none where the text was forced."""

    text: str
    tokens: tuple[TokenLogprob, ...] = ()


class Spelling:
    """Tokens to pieces: those of a character that several tokens spell come together."""

    def __init__(self, vocabulary: Vocabulary, likeliest: int = 0) -> None:
        """``likeliest``: so many tokens are told of each place, at most."""
        self._vocabulary = vocabulary
        self._most = likeliest
        self._detokenizer = Detokenizer(vocabulary)
        self._begun: list[TokenLogprob] = []
        self._text = ""

    def feed(
        self, tokens: Iterable[int], logprobs: Iterable[float], likeliest: Sequence[Likeliest] = ()
    ) -> list[Piece]:
        """The next tokens, with their log-probabilities, and the likeliest of their places where those are told."""
        pieces: list[Piece] = []
        for token, logprob, *place in zip(tokens, logprobs, *([likeliest] if likeliest else []), strict=True):
            self._text += self._detokenizer.feed(token)
            told = tuple(self._told(*each) for each in (place[0][: self._most] if place else ()))
            self._begun.append(token_logprob(self._vocabulary.bytes_of(token), logprob, told))
            if not self._detokenizer.unfinished:
                pieces += self.finish()
        return pieces

    def finish(self) -> list[Piece]:
        """What is left, though it is no whole character. Tokens that spell nothing are no piece."""
        piece = Piece(self._text, tuple(self._begun))
        self._text, self._begun = "", []
        return [piece] if piece.text else []

    def _told(self, token: int, logprob: float) -> TokenLogprob:
        return token_logprob(self._vocabulary.bytes_of(token), logprob)


class Stops:
    """Lets pieces pass until one of some texts stands in them.

    Attributes:
        stopped: one has come; it and everything behind it do not pass.
    """

    def __init__(self, stops: Sequence[str]) -> None:
        self.stopped = False
        self._stops = stops
        self._held: list[Piece] = []

    def feed(self, piece: Piece) -> list[Piece]:
        """The pieces that are certain to stand in front of any stop."""
        if not self._stops:
            return [piece]
        self._held.append(piece)
        text = "".join(held.text for held in self._held)
        found = [at for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self.stopped = True
            return self._take(min(found), cut=True)
        return self._take(len(text) - self._begun_stop(text), cut=False)

    def finish(self) -> list[Piece]:
        """The answer is over: what was held passes."""
        held, self._held = self._held, []
        return [] if self.stopped else held

    def _begun_stop(self, text: str) -> int:
        """Characters at the end that a stop may begin with."""
        longest = max(map(len, self._stops)) - 1
        ends = (length for length in range(min(longest, len(text)), 0, -1))
        return next((n for n in ends if any(stop.startswith(text[-n:]) for stop in self._stops)), 0)

    def _take(self, characters: int, *, cut: bool) -> list[Piece]:
        taken: list[Piece] = []
        while self._held and len(self._held[0].text) <= characters:
            taken.append(self._held.pop(0))
            characters -= len(taken[-1].text)
        if cut and characters and self._held:
            taken.append(Piece(self._held[0].text[:characters], self._held[0].tokens))
        return taken
