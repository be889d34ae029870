"""What was said so far: segments that are closed, those that are open, and what of it a lost connection takes back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.transcript.segments import Segment, Transcript


@dataclass(frozen=True, slots=True)
class Said:
    """A segment. ``text`` stays, ``tentative`` (with the space in front of it) may change. Times in seconds."""

    speaker: str
    start: float
    end: float
    text: str
    tentative: str = ""


class Script:
    """Of one session, over as many connections as it takes.

    Attributes:
        closed: segments that are told whole.
        open: what follows, as it stands.
        offset: seconds of audio before the present part, where the server did not go on with what was before.
    """

    def __init__(self) -> None:
        self.closed: list[Said] = []
        self.open: list[Said] = []
        self.offset = 0.0
        self._sure = 0

    def close(self, told: Mapping[str, Any]) -> Said:
        """A segment is complete."""
        said = self._said(told, "")
        self.closed.append(said)
        self.open = [each for each in self.open if each.start != said.start and each.end > said.end]
        return said

    def suppose(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """What is not closed."""
        self.open = [self._said(row, row["tentative"]) for row in rows]

    def settle(self) -> None:
        """All that was told so far does not come again."""
        self._sure = len(self.closed)

    def take_back(self) -> list[Said]:
        """What comes again after a lost connection, and was told before."""
        again = self.closed[self._sure :]
        del self.closed[self._sure :]
        self.open = []
        return again

    def begin_part(self, at: float) -> None:
        """The server knows nothing of what was before ``at``."""
        self.offset = at
        self._sure = len(self.closed)
        self.open = []

    @property
    def tail(self) -> list[Said]:
        """The last of it, for captions."""
        return [*self.closed[-3:], *self.open]

    def transcript(self, seconds: float) -> Transcript:
        """Of so many seconds of audio."""
        numbers: dict[str, int] = {}
        segments = tuple(
            Segment(
                index=index,
                start=said.start,
                end=max(said.end, said.start),
                speaker=numbers.setdefault(said.speaker, len(numbers)) if said.speaker else None,
                text=said.text,
            )
            for index, said in enumerate(self.closed)
        )
        return Transcript(segments, seconds)

    def _said(self, told: Mapping[str, Any], tentative: str) -> Said:
        start, end = told["start"] + self.offset, told["end"] + self.offset
        return Said(told["speaker"] or "", start, end, told["text"], tentative)
