"""A recording that is heard in windows side by side, which overlap and are linked afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np

from model.seam.audio import SAMPLE_RATE, Samples
from server.recordings.recording import Recording
from server.recordings.windowed.passage import Passage
from server.recordings.windowed.transcription import ChannelSound, WindowedTranscription
from server.recordings.windowed.window import WindowOpener
from server.recordings.windowed.windowing import Windowing, overlap_of, overlapping_windows
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.segments import Segment
from server.transcript.stitching.heard import HeardWindow, Vector
from server.transcript.stitching.stitcher import Stitcher
from server.voices.encoder import VoiceEncoder

_CLIP_SECONDS = 10.0
"""Of each speaker's speech in a window, for a vector."""
_SAFE = 5.0
"""Seconds in front of the overlap in which nothing is told of the first window before it is stitched."""


@dataclass(slots=True)
class _Heard:
    """A window on its way. ``segments``: in seconds of the sound."""

    passage: Passage
    start: float
    end: float
    segments: list[Segment] = field(default_factory=list)
    events: asyncio.Queue[TranscriptEvent | None] = field(default_factory=asyncio.Queue)
    task: asyncio.Task[None] | None = None


class LinkedTranscription(WindowedTranscription):
    """Windows side by side. Segments leave when their window and all before it are heard, those of the first at once.

    ``encoder``: tells voices apart where the words of the overlap do not.
    """

    def __init__(
        self,
        recording: Recording,
        sound: ChannelSound,
        opener: WindowOpener,
        windowing: Windowing,
        decode_seconds: float,
        encoder: VoiceEncoder | None,
    ) -> None:
        super().__init__(recording, sound, opener, windowing, decode_seconds)
        self._encoder = encoder
        self._windows: list[_Heard] = []
        self._under_way = asyncio.Event()  # the first window is answered: others may take their share of the device

    async def _read(self) -> AsyncGenerator[TranscriptEvent, None]:
        longest = round(self._windowing.seconds * SAMPLE_RATE)
        spans = await asyncio.to_thread(overlapping_windows, self._sound.samples, self._sound.level, longest)
        places = asyncio.Semaphore(self._windowing.side_by_side)
        self._windows = [self._window(first, last) for first, last in spans]
        self._passages = [window.passage for window in self._windows]
        stitcher = Stitcher(overlap_of(longest) / SAMPLE_RATE)
        began = perf_counter()
        try:
            for window in self._windows:
                window.task = asyncio.create_task(self._hear(window, places), name="window")
            told = 0
            async with aclosing(self._first(self._windows[0])) as events:
                async for event in events:
                    told += isinstance(event, SegmentClosed)
                    for each in self._tell([event]):
                        yield each
            for window in self._windows:
                assert window.task is not None
                await window.task
                for segment in stitcher.add(await self._finished(window)):
                    if segment.index >= told:
                        for each in self._tell(_events(segment)):
                            yield each
            for segment in stitcher.finish():
                if segment.index >= told:
                    for each in self._tell(_events(segment)):
                        yield each
        finally:
            tasks = [window.task for window in self._windows if window.task is not None]
            for task in tasks:
                task.cancel()
            self.close()
            await asyncio.gather(*tasks, return_exceptions=True)
        self._finish(0.0, stitcher.notes)
        assert self.costs is not None
        inference = perf_counter() - began - self.costs.queue_seconds
        self.costs = replace(self.costs, inference_seconds=max(0.0, inference))

    def _window(self, first: int, last: int) -> _Heard:
        passage = Passage(self._opener, self._windowing, self._sound.samples, self._sound.level, start=first, end=last)
        return _Heard(passage, first / SAMPLE_RATE, last / SAMPLE_RATE)

    async def _hear(self, window: _Heard, places: asyncio.Semaphore) -> None:
        """All of it. Its events are kept for the first window alone, which is told while it is heard."""
        first = window is self._windows[0]
        try:
            if not first:
                await self._under_way.wait()
            async with places, aclosing(window.passage.events()) as events:
                async for event in events:
                    self._under_way.set()
                    if isinstance(event, SegmentClosed):
                        window.segments.append(event.segment)
                    if first:
                        window.events.put_nowait(event)
        finally:
            self._under_way.set()
            window.events.put_nowait(None)

    async def _first(self, window: _Heard) -> AsyncGenerator[TranscriptEvent, None]:
        """What of the first window no other one can change, as it comes: its numbers are the recording's."""
        border = window.end - overlap_of(round(self._windowing.seconds * SAMPLE_RATE)) / SAMPLE_RATE - _SAFE
        if len(self._windows) == 1:
            border = window.end
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

    async def _finished(self, window: _Heard) -> HeardWindow:
        segments = tuple(
            replace(segment, start=segment.start - window.start, end=segment.end - window.start)
            for segment in window.segments
        )
        return HeardWindow(window.start, window.end, segments, await self._vectors(window.segments))

    async def _vectors(self, segments: Sequence[Segment]) -> Mapping[int, Vector]:
        """What each speaker of a window sounds like."""
        if self._encoder is None:
            return {}
        clips = {speaker: self._clip(segments, speaker) for speaker in sorted(_speakers(segments))}
        clips = {speaker: clip for speaker, clip in clips.items() if clip.size}
        vectors = await self._encoder.vectors(list(clips.values()))
        return dict(zip(clips, vectors, strict=True))

    def _clip(self, segments: Sequence[Segment], speaker: int) -> Samples:
        """The longest of what is said by one speaker, at the model's level."""
        own = sorted((s for s in segments if s.speaker == speaker), key=lambda s: s.start - s.end)
        parts: list[Samples] = [np.zeros(0, np.float32)]
        left = _CLIP_SECONDS
        for segment in own:
            length = min(left, segment.end - segment.start)
            if length <= 0:
                break
            first = round(segment.start * SAMPLE_RATE)
            parts.append(self._sound.samples[first : first + round(length * SAMPLE_RATE)])
            left -= length
        return self._sound.level.apply(np.concatenate(parts))


def _speakers(segments: Sequence[Segment]) -> set[int]:
    return {segment.speaker for segment in segments if segment.speaker is not None}


def _events(segment: Segment) -> list[TranscriptEvent]:
    """A segment that is told as a whole."""
    said = [SpeechDelta(segment.index, segment.text, (segment.start, segment.end))] if segment.is_speech else []
    return [*said, SegmentClosed(segment)]
