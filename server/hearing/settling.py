"""Tokens of an answer, held back until nothing can take them back any more."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from model.seam.streams import Likeliest
from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.repetition import Loop, RepetitionGuard

_REMEMBERED = 2000
"""Characters of what stands that an attempt is judged by: a loop that goes on there is found sooner."""
_OBJECT = re.compile(r'\{\s*"')
_BETWEEN = frozenset(',{" \n')
"""Between two segments: the real vocabulary has ``},{"`` as one token."""


class Piece(NamedTuple):
    """Tokens that make up whole characters, with their log-probabilities, and the likeliest of their places where those
    were asked for."""

    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    text: str
    likeliest: tuple[Likeliest, ...] = ()


class Settling:
    """Reads an answer token by token and tells which of them stand, and where it runs in circles.

    Args:
        vocabulary: of the checkpoint.
        seconds: of the audio that is answered.
    """

    def __init__(self, vocabulary: Vocabulary, seconds: float) -> None:
        self._vocabulary = vocabulary
        self._seconds = seconds
        self._held: deque[Piece] = deque()
        self._start = 0  # characters of the answer in front of what is held
        self._passed = 0  # that were taken
        self._forced = ""  # between what was taken and what is held
        self._seen = 0  # that the guard has read
        self._kept = 0  # that stand, whatever the guard says
        self._recent = ""  # the last of what stands
        self._unread = ""
        self._detokenizer = Detokenizer(vocabulary)
        self._begun = Piece((), (), "")  # whose last character is not whole
        self._guard = RepetitionGuard(seconds)
        self._base = 0  # of the answer, where the guard began to read

    @property
    def held(self) -> list[int]:
        """The tokens that are held back."""
        return [token for piece in (*self._held, self._begun) for token in piece.tokens]

    @property
    def text(self) -> str:
        """Theirs, as far as it is whole."""
        return "".join(piece.text for piece in (*self._held, self._begun))

    def add(self, tokens: Sequence[int], logprobs: Iterable[float], likeliest: Sequence[Likeliest] = ()) -> None:
        """The next tokens of the answer."""
        for token, logprob, *place in zip(tokens, logprobs, *([likeliest] if likeliest else []), strict=True):
            text = self._detokenizer.feed(token)
            self._unread += text
            begun = self._begun
            told = (*begun.likeliest, *place)
            piece = Piece((*begun.tokens, token), (*begun.logprobs, logprob), begun.text + text, told)
            if self._detokenizer.unfinished:
                self._begun = piece
            else:
                self._held.append(piece)
                self._begun = Piece((), (), "")

    def look(self) -> Loop | None:
        """Whether it runs in circles, by what was added. Where it does, `keep` or `again` comes next."""
        text, self._unread = self._unread, ""
        loop = self._guard.feed(text)
        read = len(text) if loop is None else loop.at + self._base - self._seen
        self._seen += read
        self._unread = text[read:]
        return loop

    def take(self) -> list[Piece]:
        """The pieces that stand by now, and were not taken."""
        settled = max(self._guard.settled + self._base, self._kept)
        taken: list[Piece] = []
        while self._held and _stands(self._held[0].text, settled - self._start):
            taken.append(self._held.popleft())
            self._pass(taken[-1].text)
        return taken

    def take_all(self) -> list[Piece]:
        """All pieces: the answer is over, and nobody found anything wrong with it."""
        rest = [*self._held, self._begun] if self._begun.tokens else [*self._held]
        self.drop()
        return rest

    def keep(self) -> None:
        """The loop that was found is no loop: it stands up to where it was found. `watch` comes next."""
        self._kept = self._seen

    def watch(self, head: str) -> None:
        """Look for loops in what comes, and in nothing before. ``head``: how an answer begins that stands here."""
        self._guard = RepetitionGuard(self._seconds)
        self._guard.feed(head)
        self._base = self._seen - len(head)

    def drop(self) -> None:
        """What is held was not said."""
        self._held.clear()
        self._begun, self._unread = Piece((), (), ""), ""
        self._detokenizer = Detokenizer(self._vocabulary)

    def resume(self, forced: str, head: str) -> None:
        """What comes next stands behind what was taken and the ``forced`` text.

        ``head``: how an answer begins that stands there. A loop that goes on is found sooner by its copies that stand.
        """
        self._forced, self._start = forced, self._passed + len(forced)
        self._seen = self._kept = self._start
        recent = (self._recent + forced)[-_REMEMBERED:]
        if found := _OBJECT.search(recent):
            self._guard, before = RepetitionGuard(self._seconds), "[" + recent[found.start() :]
            self._base = self._start - len(before)
            if self._guard.feed(before) is None:
                return
        self.watch(head)

    def _pass(self, text: str) -> None:
        self._start += len(text)
        self._passed = self._start
        self._recent, self._forced = (self._recent + self._forced + text)[-_REMEMBERED:], ""


def _stands(text: str, settled: int) -> bool:
    """Whether all of the next piece's text does, of which so many characters are settled.

    What follows the end of a segment says nothing by itself: any other answer would have it too.
    """
    settled = max(settled, 0)
    return settled >= len(text) or (text[:settled].endswith("}") and _BETWEEN.issuperset(text[settled:]))
