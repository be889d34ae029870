"""Watches one answer while it is written: says when it runs in circles, and how much of it stays whatever comes."""

from __future__ import annotations

from server.transcript.json_string import closes_string, read_escape
from server.transcript.repetition.contents import ContentTracker
from server.transcript.repetition.frames import FrameReader
from server.transcript.repetition.loop import Loop, LoopKind, Verdict
from server.transcript.repetition.segment_runs import SegmentTracker, Written

_PROSE = 64
"""Characters without a brace, after which an answer is read as prose: all of it is content."""


class RepetitionGuard:
    """Reads an answer's text as it is decoded, from its first character on, in pieces of any size.

    What it says depends on the text alone, not on how it is cut, and never on what comes behind. Takes time in
    proportion to the text's length. Never raises, whatever the text.

    Attributes:
        settled: characters of the answer that will stay, whatever comes: never more than ``keep`` of a loop that is
            found later. In a content it is at most a few characters behind, until the content repeats itself; between
            contents it stands behind the last, until there are words in the next. It never falls.

    Args:
        seconds: of the audio that is answered.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = 0
        self._base = 0  # what would be settled if nothing repeated
        self._frames = FrameReader()
        self._segments = SegmentTracker(seconds)
        self._content: ContentTracker | None = None
        self._closed: ContentTracker | None = None  # of the open object
        self._prose = False
        self._waiting = ""  # from a quote or backslash in a content, until more text tells what it is
        self._exact_hold: int | None = None
        self._alike_hold: int | None = None
        self._dense_hold: int | None = None
        self._segments_hold: int | None = None

    @property
    def settled(self) -> int:
        holds = (self._exact_hold, self._alike_hold, self._dense_hold, self._segments_hold)
        return min([self._base, *(hold for hold in holds if hold is not None)])

    def feed(self, text: str) -> Loop | None:
        """Read more of the answer. Returns the loop that it turned out to be in; nothing may be fed after that."""
        for character in text:
            self._at += 1
            loop = self._read(character)
            if loop is not None:
                return loop
        return None

    def _read(self, character: str) -> Loop | None:
        if self._content is None:
            return self._read_frame(character)
        if self._prose:
            return self._say(character)
        if self._waiting:
            self._waiting += character
            return self._resolve()
        if character in '"\\':
            self._waiting = character
            return None
        return self._say(character)

    def _resolve(self) -> Loop | None:
        """Read what waits, if it can be told by now."""
        waiting, self._waiting = self._waiting, ""
        if waiting[0] == "\\":
            escape = read_escape(waiting, 0)
            if escape is None:
                self._waiting = waiting
                return None
            loop, rest = self._say(escape.text), waiting[escape.length :]
        else:
            closes = closes_string(waiting, 0)
            if closes is None:
                self._waiting = waiting
                return None
            rest, loop = waiting[1:], None
            if closes:
                self._close_content()
            else:
                loop = self._say('"')
        for character in rest:
            loop = loop or self._read(character)
        return loop

    # ------------------------------------------------------------------------------------------------------ contents

    def _open_content(self) -> None:
        start, end = self._frames.start or 0.0, self._frames.end
        end = self._seconds if end is None else min(end, self._seconds)
        self._content = ContentTracker(end - start)

    def _say(self, character: str) -> Loop | None:
        content = self._content
        assert content is not None
        if not content.text:
            self._frames.begin()
        verdict = content.push(character)
        self._segments.push(content.text[-1])
        self._base = self._at
        self._exact_hold = self._held(self._exact_hold, content.exact)
        self._alike_hold = self._held(self._alike_hold, content.alike)
        self._segments_hold = self._held(self._segments_hold, self._segments.repeating)
        self._dense_hold = self._held(self._dense_hold, content.dense or self._segments.dense)
        hold = self._exact_hold if content.exact else self._alike_hold
        return self._loop(verdict, hold)

    def _held(self, hold: int | None, repeating: bool) -> int | None:
        if not repeating:
            return None
        return self._at if hold is None else hold

    def _close_content(self) -> None:
        self._frames.content_closed()
        self._closed, self._content = self._content, None
        self._exact_hold = self._alike_hold = None

    # -------------------------------------------------------------------------------------------------------- frames

    def _read_frame(self, character: str) -> Loop | None:
        if not self._frames.opened and self._at > _PROSE:
            self._prose = True
            self._open_content()
            return self._say(character)
        if character == '"' and self._frames.opens_content:
            self._open_content()
            return None
        if character == "{":
            self._closed = None
        if self._frames.push(character) and self._frames.known:
            return self._close_segment()
        verdict = self._frames.judge()
        return self._loop(verdict, self._base)

    def _close_segment(self) -> Loop | None:
        frames, content = self._frames, self._closed
        text, root, least = ("".join(content.text), content.root(), content.least) if content else ("", "", 0.0)
        verdict = self._segments.close(Written(frames.start, frames.end, text, root, least))
        frames.new_object()
        frames.begin()
        self._closed = None
        self._base = self._at
        self._segments_hold = self._held(self._segments_hold, self._segments.repeating)
        self._dense_hold = self._held(self._dense_hold, self._segments.dense)
        return self._loop(verdict, self._segments_hold)

    def _loop(self, verdict: Verdict | None, keep: int | None) -> Loop | None:
        if verdict is None:
            return None
        if verdict.kind is LoopKind.RAMBLING:
            keep = self.settled
        return Loop(self._at, self._at if keep is None else keep, verdict.unit, verdict.certain, verdict.kind)
