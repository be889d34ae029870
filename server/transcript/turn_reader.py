"""An answer that is written by turns, read token by token: text of one window of the audio after the other.

Who goes on speaking stands in the text, `` \\n Speaker 1:`` in front of his words; whoever spoke last in a window
speaks on in the next. When something is said does not stand there. It was said in its window, so that is its time;
where several speak in one, they share it by the letters of their words. Segments become a card long and end behind a
sentence, where somebody else speaks, or where nobody does for a whole window.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.logprobs import TokenLogprob, token_logprob
from server.transcript.parser import CUT
from server.transcript.segments import Segment
from server.transcript.word_breaks import letters
from server.transcript.words import ends_sentence

_LABEL = re.compile(rb"(?:^|\n)[ \t]*Speaker[ \t]+(\d{1,3})[ \t]*:")
_CARD, _LONGEST_CARD = 10.0, 20.0
"""Seconds from which a segment ends with its sentence, and from which with its window."""
_CONTROLS = {**dict.fromkeys({*range(0x20), 0x7F}), **dict.fromkeys(map(ord, "\t\n\r"), " ")}


@dataclass(frozen=True, slots=True)
class TurnForm:
    """How answers by turns are laid out.

    Attributes:
        end: token behind the text of a window.
        seconds: from one window's beginning to the next one's.
        ahead: seconds of the next one that each hears too.
    """

    end: int
    seconds: float
    ahead: float = 0.0


@dataclass(slots=True)
class _Open:
    """The segment that is being written. ``blank``: in front of the next word."""

    start: float
    end: float
    speaker: int | None
    text: str = ""
    blank: str = ""
    tokens: list[int] = field(default_factory=list)
    total: float = 0.0


@dataclass(frozen=True, slots=True)
class _Said:
    """What one speaker says in a window: bytes from ``begin`` to ``end`` of its text, blanks behind excluded."""

    speaker: int | None
    begin: int
    end: int
    text: str


class TurnReader:
    """Reads one answer, as `AnswerReader` does. No method raises, whatever the tokens. Words are told window by window.

    Args:
        vocabulary: of the checkpoint.
        duration: of the audio, in seconds.
        form: of its answers.
        logprobs: deltas get their tokens with log-probabilities. Segments have their mean all the same.
        pauses: numbers of windows, counted from 1, behind whose end no segment goes on.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        duration: float,
        form: TurnForm,
        *,
        logprobs: bool = False,
        pauses: Collection[int] = (),
    ) -> None:
        self.complete = False
        self.notes: list[str] = []
        self._vocabulary, self._duration, self._form, self._logprobs = vocabulary, duration, form, logprobs
        self._pauses = pauses
        self._window = 0
        self._tokens: list[tuple[int, float]] = []  # of the window
        self._speaker: int | None = None
        self._open: _Open | None = None
        self._segments = 0

    def begin(self, forced: str) -> list[TranscriptEvent]:
        """Nothing: answers by turns are begun with tokens alone."""
        return []

    def feed(self, tokens: Iterable[int], logprobs: Iterable[float]) -> list[TranscriptEvent]:
        """Read the next tokens with their log-probabilities. Returns what has become certain, in order."""
        events: list[TranscriptEvent] = []
        for token, logprob in zip(tokens, logprobs, strict=True):
            if token == self._form.end:
                events += self._end_window()
            else:
                self._tokens.append((token, logprob))
        return events

    def finish(self, *, cut: bool = False) -> list[TranscriptEvent]:
        """The answer is over; call once. ``cut``: it was stopped by a length limit, not by the model."""
        events = self._end_window() if self._tokens else []
        self.complete = not cut
        if cut:
            self.notes.append(CUT)
        return [*events, *self._close()]

    def _end_window(self) -> list[TranscriptEvent]:
        tokens, self._tokens = self._tokens, []
        start = min(self._window * self._form.seconds, self._duration)
        end = min(start + self._form.seconds, self._duration)
        self._window += 1
        said = self._said(tokens)
        events = [] if said else self._close()
        whole = sum(letters(each.text) for each in said)
        reached = 0
        for each in said:
            begin = start + (end - start) * reached / whole
            reached += letters(each.text)
            until = end if reached == whole else start + (end - start) * reached / whole
            events += self._say(each, tokens, begin, until)
        return [*events, *(self._close() if self._window in self._pauses else self._close_full_card())]

    def _said(self, tokens: list[tuple[int, float]]) -> list[_Said]:
        """Cut the text of a window where somebody else speaks."""
        spelled = b"".join(self._vocabulary.bytes_of(token) for token, _ in tokens)
        said, begin = [], 0
        for label in [*_LABEL.finditer(spelled), None]:
            end = len(spelled) if label is None else label.start()
            text = spelled[begin:end].decode("utf-8", "replace").translate(_CONTROLS)
            if text.strip():
                said.append(_Said(self._speaker, begin, begin + len(spelled[begin:end].rstrip()), text))
            if label is not None:
                self._speaker, begin = int(label[1]), label.end()
        return said

    def _say(self, said: _Said, tokens: list[tuple[int, float]], start: float, end: float) -> list[TranscriptEvent]:
        events = self._close() if self._open is not None and self._open.speaker != said.speaker else []
        if self._open is None:
            self._open = _Open(start, end, said.speaker)
        opened = self._open
        words = said.text.rstrip()
        blank = "" if words[0].isspace() else opened.blank  # one window may end with it, and the next begin with it too
        text = blank + words if opened.text else words.lstrip()
        opened.blank = said.text[len(words) :]
        opened.text += text
        opened.end = end
        carriers = self._carriers(said, tokens)
        opened.tokens += (token for token, _ in carriers)
        opened.total += sum(logprob for _, logprob in carriers)
        shown = tuple(map(self._shown, carriers)) if self._logprobs else ()
        return [*events, SpeechDelta(self._segments, text, logprobs=shown)]

    def _carriers(self, said: _Said, tokens: list[tuple[int, float]]) -> list[tuple[int, float]]:
        """Tokens that begin within what was said, and spell some of it."""
        found, place = [], 0
        for token, logprob in tokens:
            size = len(self._vocabulary.bytes_of(token))
            if size and said.begin <= place < said.end:
                found.append((token, logprob))
            place += size
        return found

    def _shown(self, carrier: tuple[int, float]) -> TokenLogprob:
        return token_logprob(self._vocabulary.bytes_of(carrier[0]), carrier[1])

    def _close_full_card(self) -> list[TranscriptEvent]:
        opened = self._open
        if opened is None:
            return []
        seconds = opened.end - opened.start
        full = seconds >= _LONGEST_CARD or (seconds >= _CARD and ends_sentence(opened.text))
        return self._close() if full else []

    def _close(self) -> list[TranscriptEvent]:
        opened, self._open = self._open, None
        if opened is None:
            return []
        tokens = tuple(opened.tokens)
        mean = opened.total / len(tokens) if tokens else None
        segment = Segment(self._segments, opened.start, opened.end, opened.speaker, opened.text, mean, tokens)
        self._segments += 1
        return [SegmentClosed(segment)]
