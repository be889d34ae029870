"""A recording that is heard in windows side by side, which overlap and are linked afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import perf_counter

from model.seam.audio import SAMPLE_RATE, Samples
from server.recordings.begun import Standing, so_far
from server.recordings.recording import Recording
from server.recordings.windowed.costs import usage_of
from server.recordings.windowed.passage import MARGIN, SILENCE, Passage
from server.recordings.windowed.transcription import ChannelSound, WindowedTranscription
from server.recordings.windowed.window import WindowOpener
from server.recordings.windowed.windowing import Windowing, first_window, next_begin, overlap_of, seen
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow, Vector
from server.transcript.stitching.parting import mixed_speakers, parted, voices_of
from server.transcript.stitching.stitcher import Stitcher
from server.voices.encoder import VoiceEncoder

_CLIP_SECONDS = 5.0
"""Of a segment, for a vector: more would tell little more."""
_SHORTEST_CLIP = 0.5
_SAMPLED_SECONDS = 60.0
"""Of each speaker's speech in a window that is listened to; all of it where that is two people's."""
_SAFE = 5.0
"""Seconds in front of the overlap in which nothing is told of the first window before it is stitched."""


@dataclass(slots=True)
class _Heard:
    """A window on its way.

    Attributes:
        start, end: in seconds of the sound, and so are the segments.
        last: none follows.
        vectors, clips: of its speakers and segments, once it is heard.
    """

    passage: Passage
    start: float
    end: float
    last: bool
    segments: list[Segment] = field(default_factory=list)
    events: asyncio.Queue[TranscriptEvent | None] = field(default_factory=asyncio.Queue)
    vectors: Mapping[int, Vector] = field(default_factory=dict)
    clips: Mapping[int, Vector] = field(default_factory=dict)
    task: asyncio.Task[None] | None = None

    @property
    def heard_until(self) -> float:
        """How far the model is, in seconds of the sound."""
        if self.task is not None and self.task.done():
            return self.end
        return max((segment.end for segment in self.segments), default=self.start)


class LinkedTranscription(WindowedTranscription):
    """Windows side by side. Segments leave when their window and those before are heard, those of the first at once."""

    def __init__(
        self,
        recording: Recording,
        sound: ChannelSound,
        opener: WindowOpener,
        windowing: Windowing,
        decode_seconds: float,
        encoder: VoiceEncoder | None,
    ) -> None:
        super().__init__(recording, sound, opener, windowing, decode_seconds, encoder)
        self._windows: list[_Heard] = []
        self._first_heard = asyncio.Event()  # of the first window: others may take their share of the device

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        stitcher = Stitcher(overlap_of(self._longest) / SAMPLE_RATE)
        began = perf_counter()
        opened: asyncio.Queue[_Heard | None] = asyncio.Queue()
        opening = asyncio.create_task(self._open(opened), name="windows")
        told = 0
        try:
            while (window := await opened.get()) is not None:
                if window is self._windows[0]:
                    async with aclosing(self._first(window)) as events:
                        async for event in events:
                            told += isinstance(event, SegmentClosed)
                            for each in self._tell([event]):
                                yield each
                assert window.task is not None
                await window.task
                for segment in stitcher.add(self._finished(window)):
                    if segment.index >= told:
                        for each in self._tell(_events(segment)):
                            yield each
            await opening
            for segment in stitcher.finish():
                if segment.index >= told:
                    for each in self._tell(_events(segment)):
                        yield each
        finally:
            opening.cancel()
            tasks = [opening, *(window.task for window in self._windows if window.task is not None)]
            for task in tasks:
                task.cancel()
            self.close()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._finish(0.0, stitcher.notes)
        assert self.costs is not None
        inference = perf_counter() - began - self.costs.queue_seconds
        self.costs = replace(self.costs, inference_seconds=max(0.0, inference))

    @property
    def heard_until(self) -> float:
        """See Transcription. What is heard of each window counts, told or not: they are told when they are linked."""
        if self.transcript is not None:
            return super().heard_until
        done = before = 0.0
        for window in self._windows:
            done += max(0.0, window.heard_until - max(window.start, before))
            before = window.end
        return min(max(super().heard_until, done), self.recording.seconds)

    @property
    def standings(self) -> tuple[Standing, ...]:
        """See Transcription. Another attempt hears what was not told in one window after the other."""
        over = [passage for passage in self._passages if passage.until <= self._told_until]
        loops = (loop for passage in self._passages for loop in passage.loops)
        return (
            Standing(
                told=len(self._builder.segments),
                windows=sum(passage.windows for passage in over),
                usage=usage_of([done for passage in over for done in passage.done]),
                notes=tuple(note for passage in over for note in passage.notes),
                loops=so_far(loops, self._told_until),
                complete=all(passage.complete for passage in over),
            ),
        )

    @property
    def _longest(self) -> int:
        """Samples of a window."""
        return round(self._windowing.seconds * SAMPLE_RATE)

    async def _open(self, opened: asyncio.Queue[_Heard | None]) -> None:
        """All windows in order, each when so many before it are heard that no more than may be are open at once.

        The first one has the device to itself until something of it is heard: beside others it would wait for them.
        """
        sound, start, end = self._sound.sound, 0, 0
        try:
            while (there := await sound.reach(start + seen(self._longest))) > end:
                if len(self._windows) >= self._windowing.side_by_side:
                    oldest, *others = self._windows[-self._windowing.side_by_side :]
                    assert oldest.task is not None
                    await asyncio.wait([oldest.task])
                    kept = min([start / SAMPLE_RATE, *(other.start for other in others)]) - MARGIN
                    sound.forget(round(kept * SAMPLE_RATE))
                end, following = await asyncio.to_thread(self._cut, start, there)
                window = self._window(start, end, last=end == there)
                window.task = asyncio.create_task(self._hear(window), name="window")
                opened.put_nowait(window)
                start = following
                if not self._first_heard.is_set():
                    sound.expect(start + seen(self._longest))
                    await self._first_heard.wait()
        finally:
            opened.put_nowait(None)

    def _cut(self, start: int, there: int) -> tuple[int, int]:
        """Where the window ends that begins at ``start``, and where the next one begins."""
        stretch, level = self._sound.sound.stretch(start, there), self._sound.sound.level(there)
        cut = first_window(stretch, level, self._longest, self._sound.sound.length - start).at
        return start + cut, start + next_begin(stretch[:cut], level, self._longest)

    def _begin_others(self, heard: Segment) -> None:
        """Others need not wait for the first window any more, unless all that it has yet is that nobody speaks."""
        if heard.text != SILENCE:
            self._first_heard.set()

    def _window(self, start: int, end: int, *, last: bool) -> _Heard:
        passage = Passage(self._opener, self._windowing, self._sound.sound, start=start, end=end)
        window = _Heard(passage, start / SAMPLE_RATE, end / SAMPLE_RATE, last)
        self._windows.append(window)
        self._passages.append(passage)
        return window

    async def _hear(self, window: _Heard) -> None:
        """All of it. Its events are kept for the first window alone, which is told while it is heard."""
        first = window is self._windows[0]
        try:
            async with aclosing(window.passage.events()) as events:
                async for event in events:
                    if isinstance(event, SegmentClosed):
                        window.segments.append(event.segment)
                        self._begin_others(event.segment)
                    if first:
                        window.events.put_nowait(event)
            if self._encoder is not None:
                await self._told_apart(window, self._encoder)
        finally:
            self._first_heard.set()
            window.events.put_nowait(None)

    async def _first(self, window: _Heard) -> AsyncGenerator[TranscriptEvent, None]:
        """What of the first window no other one can change, as it comes: its numbers are the recording's."""
        border = window.end if window.last else window.end - overlap_of(self._longest) / SAMPLE_RATE - _SAFE
        held: list[TranscriptEvent] = []
        last = 0.0
        while (event := await window.events.get()) is not None:
            held.append(event)
            if isinstance(event, SegmentClosed):
                # The stitcher tells by starts: out of order is left to it.
                if event.segment.end > border or event.segment.start < last:
                    return
                last = event.segment.start
                for each in held:
                    yield each
                held = []

    def _finished(self, window: _Heard) -> HeardWindow:
        segments = tuple(
            replace(segment, start=segment.start - window.start, end=segment.end - window.start)
            for segment in window.segments
        )
        return HeardWindow(window.start, window.end, segments, window.vectors, window.clips)

    async def _told_apart(self, window: _Heard, encoder: VoiceEncoder) -> None:
        """A number for each voice of a window, and what each number sounds like, as long as its samples are there."""
        same, different = encoder.likeness.same, encoder.likeness.different
        level = await asyncio.to_thread(self._sound.sound.level, round(window.end * SAMPLE_RATE))
        segments = window.segments

        async def vectors(places: Sequence[int]) -> dict[int, Vector]:
            clips = {place: clip for place in places if (clip := self._clip(segments[place])).size}
            return dict(zip(clips, await encoder.vectors([level.apply(clip) for clip in clips.values()]), strict=True))

        heard = await vectors(_sampled(segments))
        mixed = mixed_speakers(segments, heard, different)
        rest = [place for place, segment in enumerate(segments) if segment.speaker in mixed and place not in heard]
        heard |= await vectors(rest)
        window.segments = parted(segments, heard, same, different)
        window.vectors, window.clips = voices_of(window.segments, heard), heard

    def _clip(self, segment: Segment) -> Samples:
        first = round(segment.start * SAMPLE_RATE)
        length = round(min(segment.end - segment.start, _CLIP_SECONDS) * SAMPLE_RATE)
        return self._sound.sound.stretch(first, first + max(length, 0))


def _sampled(segments: Sequence[Segment]) -> list[int]:
    """Places of each speaker's longest segments, and of one at least."""
    places: list[int] = []
    seconds: dict[int, float] = {}
    for place in sorted(range(len(segments)), key=lambda place: segments[place].start - segments[place].end):
        speaker, length = segments[place].speaker, segments[place].end - segments[place].start
        if speaker is None or seconds.get(speaker, 0.0) >= _SAMPLED_SECONDS:
            continue
        if length >= _SHORTEST_CLIP or speaker not in seconds:
            places.append(place)
            seconds[speaker] = seconds.get(speaker, 0.0) + min(length, _CLIP_SECONDS)
    return sorted(places)


def _events(segment: Segment) -> list[TranscriptEvent]:
    """A segment that is told as a whole."""
    said = [SpeechDelta(segment.index, segment.text, (segment.start, segment.end))] if segment.is_speech else []
    return [*said, SegmentClosed(segment)]
