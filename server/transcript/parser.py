"""The model's answer, read while it is written: text in at any split, words and segments out.

An answer should look like ``[{"Start":0,"End":15.43,"Speaker":0,"Content":"..."},...]``. Answers also come with a
header in front, keys and numbers in other spellings and orders, commas, quotes or braces missing, the remains of a
forced prefix (``},``, ``{"2.99,``), prose behind, a second array behind that, an end in the middle of a word, or
without any JSON. Whatever comes, spoken words are not lost and times stay inside the audio.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.fields import Field
from server.transcript.findings import (
    Content,
    ContentBegin,
    FieldValue,
    Finding,
    ObjectBegin,
    ObjectEnd,
    Outside,
    Resumed,
)
from server.transcript.logprobs import seen
from server.transcript.open_segment import OpenSegment, legible
from server.transcript.scanner import AnswerScanner
from server.transcript.segments import Segment

_HEADER = re.compile(r"\s*assistant\s*\n")

CUT = "The answer reached its length limit: the end of the recording may not be transcribed."
BROKEN_OFF = "The model's answer broke off: the end of the recording may not be transcribed."
NO_SEGMENTS = "The model's answer was not in segments: speakers and times are unknown."
NO_ANSWER = "The model gave no answer."
SEVERAL_ARRAYS = "The model began its list of segments again: what it wrote behind the first is here too."
TEXT_LEFT_OUT = "The model wrote text outside of the segments, which is left out."


class TranscriptParser:
    """Reads one answer. ``feed`` and ``finish`` never raise, whatever the text.

    The texts of the deltas of a segment add up to its text; segments without speech have none. A segment that is open
    when the answer ends is closed with the words it has: they were said, and have been shown.

    Args:
        duration: of the audio, in seconds; every time is clamped to it.

    Attributes:
        complete: after ``finish``: the answer was whole.
        notes: after ``finish``: sentences about what was wrong with it.
        content_length: characters of content read so far, shown or not.
        content_seen: those of them that are seen.
        told_before: segments so far that said once more what another one has said, and were left out.
    """

    def __init__(self, duration: float) -> None:
        self.complete = False
        self.notes: list[str] = []
        self.content_length = self.content_seen = self.told_before = 0
        self._duration = duration
        self._scanner = AnswerScanner()
        self._events: list[TranscriptEvent] = []
        self._open: OpenSegment | None = None
        self._alone = False  # the open segment has its object for itself, so far
        self._resumed = False  # behind the end of an array: what comes may have been told
        self._told: dict[tuple[float, float, str], None] = {}
        self._held: list[str] = []  # to be shown where the open segment has not been told
        self._news = False  # there was one
        self._segments = 0
        self._last_end = 0.0
        self._answer: list[str] = []  # all of it until the first known key, in case it is prose
        self._text_left_out = False

    @property
    def unfinished(self) -> str:
        """What the open segment says so far, shown or not; nothing where none is open."""
        return self._open.text if self._open else ""

    @property
    def undecided(self) -> bool:
        """Text that was read last may yet turn out to be content."""
        return self._scanner.undecided

    def feed(self, text: str) -> list[TranscriptEvent]:
        """Read more of the answer. Returns what has become certain with it, in order."""
        if not self._scanner.recognised:
            self._answer.append(text)
        elif self._answer:
            self._answer.clear()
        self._read(self._scanner.feed(text))
        return self._take_events()

    def finish(self, *, cut: bool = False) -> list[TranscriptEvent]:
        """The answer is over; call once. Returns the last events and sets ``complete`` and ``notes``.

        Args:
            cut: the answer was stopped by a length limit, not by the model.
        """
        scanner = self._scanner
        self._read(scanner.finish())
        whole_objects = scanner.recognised and scanner.open_arrays <= 0 and self._open is None
        self.complete = scanner.ended or (whole_objects and not cut)
        self._close(cut=True)
        if not scanner.recognised and not scanner.ended:
            self._read_prose()
        elif scanner.recognised and not self._segments:
            self.complete = False
            self.notes.append(NO_ANSWER)
        elif not self.complete and not cut:
            self.notes.append(BROKEN_OFF)
        if not self.complete and cut:
            self.notes.append(CUT)
        if self._news:
            self.notes.append(SEVERAL_ARRAYS)
        if self._text_left_out or self.told_before:
            self.notes.append(TEXT_LEFT_OUT)
        return self._take_events()

    def _read(self, findings: Iterable[Finding]) -> None:
        for finding in findings:
            match finding:
                case ObjectBegin():
                    self._begin()
                    self._alone = True
                case ObjectEnd():
                    self._close(finding.source if self._alone else None)
                case FieldValue():
                    self._segment_for(finding.field).set(finding.field, finding.value)
                case ContentBegin():
                    self._segment_for(Field.CONTENT).set(Field.CONTENT, "")
                case Content():
                    self._add_content(finding.text)
                case Resumed():
                    self._resumed = True
                case Outside():
                    self._text_left_out = self._text_left_out or any(map(str.isalnum, finding.text))

    # ----------------------------------------------------------------------------------------------------- segments

    def _begin(self) -> None:
        self._close()
        self._open = OpenSegment(self._segments, self._duration, self._last_end)

    def _segment_for(self, field: Field) -> OpenSegment:
        """The open segment; the next one if the field comes again behind the content (``},{`` is missing)."""
        if self._open is None or (self._open.has(field) and self._open.has(Field.CONTENT)):
            self._begin()
            self._alone = False
        assert self._open is not None
        return self._open

    def _add_content(self, text: str) -> None:
        self.content_length += len(text)
        text = legible(text)
        self.content_seen += seen(text)
        if self._open is not None:
            self._show(self._open, self._open.add(text))

    def _show(self, segment: OpenSegment, text: str) -> None:
        if self._resumed:
            self._held.append(text)
        elif text:
            self._events.append(SpeechDelta(segment.index, text, segment.told_times))

    def _close(self, source: str | None = None, *, cut: bool = False) -> None:
        opened, self._open = self._open, None
        if opened is None or (cut and opened.in_tag):  # half a tag says nothing
            return
        text, segment = opened.close(cut=cut)
        self._show(opened, text)
        held, self._held = "".join(self._held), []
        if segment is None:
            return
        if self._resumed and self._was_told(segment, cut=cut):
            self.told_before += 1
            return
        self._news = self._news or self._resumed
        if held:
            self._events.append(SpeechDelta(opened.index, held, opened.told_times))
        self._segments += 1
        self._last_end = segment.end
        self._told[segment.start, segment.end, segment.text] = None
        self._events.append(SegmentClosed(segment, source=source))

    def _was_told(self, segment: Segment, *, cut: bool) -> bool:
        """By another segment of the same times and words; where this one was ``cut``, by one that begins like it."""
        if not cut:
            return (segment.start, segment.end, segment.text) in self._told
        return any(start == segment.start and text.startswith(segment.text) for start, _, text in self._told)

    def _read_prose(self) -> None:
        """An answer without any segment: its text becomes one, over the whole recording."""
        text = "".join(self._answer)
        if header := _HEADER.match(text):
            text = text[header.end() :]
        if not any(character.isalnum() for character in text):
            self.notes.append(NO_ANSWER)
            return
        self._begin()
        self._add_content(text)
        self._close(cut=True)
        self.notes.append(NO_SEGMENTS)

    def _take_events(self) -> list[TranscriptEvent]:
        events, self._events = self._events, []
        return events
