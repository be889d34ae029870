"""Known speakers: reference clips stand in front of the recording, and are taken out of its transcript again.

The model numbers whoever it hears, clips included. So a clip's speaker number, found in the clip's own stretch of time,
names that speaker in the recording behind the clips.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent

_BLUR = 0.25
"""Seconds by which the model's times are wrong now and then: the last clip's words may seem to end that much late."""


@dataclass(frozen=True, slots=True)
class ReferenceClip:
    """Where a known speaker talks, in seconds from the start of the joined audio."""

    name: str
    start: float
    end: float


class ReferenceFilter:
    """Turns the events of clips and recording together into those of the recording alone.

    Segments that end within the references are dropped with their deltas, the others move to the recording's time, and
    one across the border begins at 0. Deltas wait for their segment's times where the answer has not told them yet.

    Args:
        clips: in the order they stand in front of the recording.
        offset: where the recording begins, in seconds from the start of the joined audio.
        duration: of the recording alone, in seconds.

    Attributes:
        names: the known names by the model's speaker number; settled when the recording's first segment closes.
    """

    def __init__(self, clips: Sequence[ReferenceClip], offset: float, duration: float) -> None:
        self.names: dict[int, str] = {}
        self._clips = clips
        self._offset = offset
        self._duration = duration
        self._overlaps: defaultdict[tuple[int, int], float] = defaultdict(float)  # seconds, by clip and speaker
        self._kept = 0
        self._waiting: list[SpeechDelta] = []

    def feed(self, events: Iterable[TranscriptEvent]) -> list[TranscriptEvent]:
        """Take the next events of the joined audio. Returns those of the recording."""
        passed: list[TranscriptEvent] = []
        for event in events:
            passed += self._read_delta(event) if isinstance(event, SpeechDelta) else self._read_segment(event)
        return passed

    def _read_delta(self, delta: SpeechDelta) -> list[SpeechDelta]:
        if delta.times is None:
            self._waiting.append(delta)
            return []
        if self._is_reference(*delta.times):
            return []
        return [self._moved(delta)]

    def _read_segment(self, closed: SegmentClosed) -> list[TranscriptEvent]:
        segment = closed.segment
        if not self._kept:
            self._listen(closed)
        waiting, self._waiting = [self._moved(delta) for delta in self._waiting], []
        if self._is_reference(segment.start, segment.end):
            return []
        if not self._kept:
            self._settle_names()
        start, end = self._moved_times(segment.start, segment.end)
        moved = replace(segment, index=self._kept, start=start, end=end)
        self._kept += 1
        return [*waiting, replace(closed, segment=moved)]

    def _moved(self, delta: SpeechDelta) -> SpeechDelta:
        times = None if delta.times is None else self._moved_times(*delta.times)
        return replace(delta, segment=self._kept, times=times)

    def _is_reference(self, start: float, end: float) -> bool:
        return start < self._offset and end <= self._offset + _BLUR

    def _moved_times(self, start: float, end: float) -> tuple[float, float]:
        return self._moved_time(start), self._moved_time(end)

    def _moved_time(self, seconds: float) -> float:
        return min(max(seconds - self._offset, 0.0), self._duration)

    def _listen(self, closed: SegmentClosed) -> None:
        """Note for how long the segment's speaker talks within each clip."""
        segment = closed.segment
        if segment.speaker is None:
            return
        for place, clip in enumerate(self._clips):
            seconds = min(segment.end, clip.end) - max(segment.start, clip.start)
            if seconds > 0:
                self._overlaps[place, segment.speaker] += seconds

    def _settle_names(self) -> None:
        """Each clip names the speaker heard longest in it; where two clips want one speaker, the longer one does.

        A clip that loses goes without a speaker: its second choice would be a guess, and a wrong name is worse.
        """
        best: dict[int, tuple[float, int]] = {}
        for (place, speaker), seconds in self._overlaps.items():
            best[place] = max(best.get(place, (0.0, -1)), (seconds, speaker))
        for place, (_, speaker) in sorted(best.items(), key=lambda item: item[1][0], reverse=True):
            self.names.setdefault(speaker, self._clips[place].name)
