"""The segment that is being written: its fields so far, and which of its words may be shown already."""

from __future__ import annotations

from server.transcript.fields import Field, parse_seconds, parse_speaker
from server.transcript.segments import Segment
from server.transcript.tags import name_sounds

# Control characters mean nothing in speech, and break subtitle files.
_CONTROLS = dict.fromkeys({*range(0x20), 0x7F} - {ord("\t"), ord("\n"), ord("\r")})


def legible(content: str) -> str:
    """Content as the model wrote it, without control characters."""
    return content.translate(_CONTROLS)


class OpenSegment:
    """Collects one object of the answer. Of a field written twice the first value counts.

    Args:
        index: place of the segment, should it turn out to hold any text.
        duration: of the audio, in seconds; times are clamped to it.
        default_start: start in seconds when the model gives none.
    """

    def __init__(self, index: int, duration: float, default_start: float) -> None:
        self.index = index
        self._duration = duration
        self._default_start = default_start
        self._values: dict[Field, str] = {}
        self._text = _StrippedText()
        self._tags = _TagReader()
        self._held: list[str] = []

    def has(self, field: Field) -> bool:
        return field in self._values

    def set(self, field: Field, value: str) -> None:
        """Take a field's value as it is written; the content follows by ``add``."""
        self._values.setdefault(field, value)

    def add(self, content: str) -> str:
        """Take more content, as `legible` gives it.

        Returns the words that may be shown: certain to be speech, and followed by a word.
        """
        text = self._text.add(content)
        if not self._tags.undecided:
            return text
        self._held.append(text)
        self._tags.read(text)
        return "" if self._tags.undecided else self._release()

    @property
    def text(self) -> str:
        """The content so far, stripped."""
        return self._text.whole()

    @property
    def told_times(self) -> tuple[float, float] | None:
        """Start and end in seconds once both are written: nothing behind them can change them."""
        return self._times() if self.has(Field.START) and self.has(Field.END) else None

    @property
    def in_tag(self) -> bool:
        """The content stands inside brackets that may yet become a tag."""
        return self._tags.undecided and self._tags.inside

    def close(self, *, cut: bool = False) -> tuple[str, Segment | None]:
        """The end of the object. Returns the words still to be shown, and the segment if it has any text.

        Args:
            cut: the answer ended inside the object; without an end of its own the segment lasts to the audio's end.
        """
        text = self.text
        if not text:
            return "", None
        start, end = self._times(cut=cut)
        speaker = None if name_sounds(text) else parse_speaker(self._values.get(Field.SPEAKER, ""))
        segment = Segment(self.index, start, end, speaker, text)
        return self._release() if segment.is_speech else "", segment

    def _times(self, *, cut: bool = False) -> tuple[float, float]:
        start = self._clamped(Field.START, self._default_start)
        end = self._clamped(Field.END, self._duration if cut else start)
        return start, max(start, end)

    def _clamped(self, field: Field, default: float) -> float:
        seconds = parse_seconds(self._values.get(field, ""))
        return min(max(default if seconds is None else seconds, 0.0), self._duration)

    def _release(self) -> str:
        held, self._held = "".join(self._held), []
        return held


class _StrippedText:
    """Text stripped of surrounding whitespace while it arrives: whitespace waits for the word behind it."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._blank: list[str] = []

    def add(self, text: str) -> str:
        """Take more text. Returns what is certain to be part of the whole."""
        words = text.rstrip()
        if words:
            certain = "".join([*self._blank, words]) if self._parts else words.lstrip()
            self._parts.append(certain)
            self._blank = [text[len(words) :]]
            return certain
        self._blank.append(text)
        return ""

    def whole(self) -> str:
        return "".join(self._parts)


class _TagReader:
    """Tells whether a text can still be nothing but bracketed tags, such as ``[Music]``."""

    def __init__(self) -> None:
        self.undecided = True
        self.inside = False

    def read(self, text: str) -> None:
        for character in text:
            if character == "[" and not self.inside:
                self.inside = True
            elif character == "]" and self.inside:
                self.inside = False
            elif character == "[" or not (self.inside or character.isspace()):
                self.undecided = False
                return
