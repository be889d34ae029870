"""What the answers about a window begin with, and what the next one may resemble."""

from __future__ import annotations

from collections.abc import Sequence

from model.family import Grammar
from server.transcript.segments import Segment
from server.windows.reading import WrittenSegment


class AnswerPrefix:
    """The closed segments of one window, in the model's own spelling where it wrote them. Times of the window."""

    def __init__(self, grammar: Grammar) -> None:
        """``grammar``: of the answers."""
        self._grammar = grammar
        self._closed: list[str] = []  # as the answer has them
        self._answered: list[WrittenSegment] = []  # what the last answer had behind them
        self._guess = ""

    @property
    def text(self) -> str:
        """What the next answer is to begin with; nothing while nothing is closed."""
        return self._grammar.opening(self._closed)

    @property
    def guess(self) -> str:
        """The last answer, as far as it was whole."""
        return self._guess

    def note(self, answered: Sequence[WrittenSegment]) -> None:
        """The last answer had these segments behind the closed ones."""
        self._answered = list(answered)
        self._guess = self._grammar.opening([*self._closed, *(written.source for written in answered)])

    def close(self, segment: Segment, source: str | None = None) -> str:
        """Answers begin with this segment too: as the model wrote it if it did, so that it goes on from its tokens.

        ``source``: how it stood in front of answers elsewhere. Returns how it stands here.
        """
        if source is not None:
            self._closed.append(source)
            return source
        for place, written in enumerate(self._answered):
            if (written.segment.speaker, written.segment.text) == (segment.speaker, segment.text):
                self._closed.append(written.source)
                self._answered = self._answered[place + 1 :]  # somebody may say the same again, later
                return written.source
        self._closed.append(self._grammar.segment(segment.start, segment.end, segment.speaker, segment.text))
        return self._closed[-1]
