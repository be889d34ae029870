"""What was said in the turn that is open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from server.live.vocabulary.events import Hypothesis, WordsCommitted
from server.protocols.deepgram.alternatives import JsonObject, Passage, confidence_of, seconds, transcript
from server.protocols.deepgram.open_text import OpenText
from server.protocols.deepgram.wording import Wording
from server.transcript.language import spoken_language
from server.transcript.segments import Segment


@dataclass(frozen=True, slots=True)
class TextState:
    """What another connection has to know of the turn's text.

    Attributes:
        closed: segments that are whole.
        segment: index of the open one.
        committed: its words that will not change.
    """

    closed: list[Passage]
    segment: int
    committed: list[Passage]


class TurnText:
    """The words since the last turn: segments that are whole, and what is not closed.

    Args:
        wording: what is changed in them; from the next change of the text on it may be another.

    Attributes:
        transcript: all of it.
        words: as Flux has them.
    """

    def __init__(self, wording: Wording) -> None:
        self.wording = wording
        self.transcript = ""
        self.words: list[JsonObject] = []
        self._closed: list[Passage] = []
        self._open = OpenText()
        self._language: tuple[str, str | None] = ("", None)  # of which transcript

    @property
    def state(self) -> TextState:
        """All that is needed to go on elsewhere: what is not certain comes again."""
        return TextState(list(self._closed), *self._open.committed)

    def resume(self, state: TextState) -> None:
        """Go on with this text."""
        self._closed = list(state.closed)
        self._open.resume(state.segment, state.committed)
        self._read()

    @property
    def language(self) -> str | None:
        """That of the words; None while they are too few to tell. Each text is looked at once."""
        if self._language[0] != self.transcript:
            self._language = (self.transcript, spoken_language(self.transcript))
        return self._language[1]

    def commit(self, event: WordsCommitted) -> None:
        """The next words of a segment."""
        self._open.commit(event)

    def suppose(self, event: Hypothesis) -> None:
        """What seems to be said behind them."""
        self._open.suppose(event)
        self._read()

    def close(self, segment: Segment) -> None:
        """A segment is whole."""
        self._open.close(segment)
        if segment.is_speech:
            self._closed.append(Passage.of(segment))
        self._read()

    def settle(self) -> None:
        """All that was said is in segments that are whole."""
        self._open.clear()
        self._read()

    def begin(self) -> None:
        """The turn is over; the next begins with what is not closed yet."""
        self._closed.clear()
        self._read()

    def _read(self) -> None:
        passages = self.wording.passages([*self._closed, *self._open.passages])
        self.transcript = transcript(passages)
        self.words = list(chain.from_iterable(map(_words, passages)))


def _words(passage: Passage) -> Sequence[JsonObject]:
    return [
        {
            "word": word.word,
            "confidence": round(confidence_of(word), 4),
            "start": seconds(word.start),
            "end": seconds(word.end),
        }
        for word in passage.words
    ]
