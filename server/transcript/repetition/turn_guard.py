"""Watches the text of one window of audio while it is written by a model that writes by turns.

Nothing but what nobody can have said in the window counts. A text says by itself when it has come to that, for it has
as many tokens as it likes and only some seconds; so nothing has to be asked twice to tell a loop from a drill.
"""

from __future__ import annotations

from server.transcript.repetition.contents import ContentTracker
from server.transcript.repetition.loop import Loop
from server.transcript.repetition.speaking_time import is_said

_LONGEST_WORD = 30
"""Characters in which the end of a word is looked for, in scripts that have one."""
_MARKS = 128
"""Characters of marks, blanks or labels that make a loop: a form with lines to fill in is read out in fewer."""
_BETWEEN = 2
"""Marks and blanks between words at most that take time as letters do."""
_SPEAKER, _DIGITS = "Speaker", 3


class TurnGuard:
    """Reads one window's text in pieces of any size. ``seconds``: of audio that the window has."""

    def __init__(self, seconds: float) -> None:
        self._content = ContentTracker(seconds, marks=_MARKS)
        self._text: list[str] = []
        self._label: str | None = None  # what stands behind a line's beginning, as long as it may become a label
        self._doubtful: int | None = None  # characters in front of what is nearly repeated, or too much

    def feed(self, text: str) -> Loop | None:
        """Read more. Returns the loop that it turned out to be in, in characters of the window; feed nothing then.

        Its ``keep`` is behind the first copy of what is repeated, and behind a whole word.
        """
        content = self._content
        for character in text:
            self._text.append(character)
            verdict = content.push(character, spoken=self._takes_time(character))
            if not (content.alike or content.dense):
                self._doubtful = None
            elif self._doubtful is None:
                self._doubtful = len(self._text)
            if verdict is not None and verdict.certain:
                at = len(self._text)
                once = content.once if content.exact or self._doubtful is None else self._doubtful
                return Loop(at, self._whole(once), verdict.unit, verdict.certain, verdict.kind)
        return None

    def _takes_time(self, character: str) -> bool:
        """Whether it is a word's, or stands between two; lines of marks do not."""
        return not self._in_label(character) and (self._content.unsaid < _BETWEEN or is_said(character))

    def _in_label(self, character: str) -> bool:
        """Whether the next character belongs to a label, or may: it tells who speaks, and nobody says it."""
        if character == "\n":
            self._label = ""
            return True
        if self._label is None:
            return False
        if character == ":":
            self._label = None
            return True
        self._label += character
        if not _may_be_label(self._label):
            self._label = None
        return self._label is not None

    def _whole(self, keep: int) -> int:
        """Behind the word in which ``keep`` lies, and with no speaker's label that has nothing behind it."""
        rest = self._text[keep : keep + _LONGEST_WORD]
        keep += next((place for place, character in enumerate(rest) if character.isspace()), 0)
        text = "".join(self._text[:keep])
        while True:
            before, newline, line = text.rstrip(" \t").rpartition("\n")
            if not newline or not _may_be_label(line.removesuffix(":")):
                return len(text)
            text = before.rstrip()


def _may_be_label(line: str) -> bool:
    """Whether a line that begins so may go on as the label of who speaks, up to its colon."""
    name, *number = line.split(maxsplit=1) or [""]
    if not number:
        return _SPEAKER.startswith(name)
    digits = number[0].rstrip()
    return name == _SPEAKER and digits.isdecimal() and len(digits) <= _DIGITS
