"""A stretch of a recording, heard in one window after the other with those heard before in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from math import inf

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.engine.messages import AnswerDone, EndReason
from server.recordings.windowed.sound import Voice, window_sound
from server.recordings.windowed.telling import PROGRESS, Telling
from server.recordings.windowed.voices import HeardVoices, WindowNumbers
from server.recordings.windowed.window import RecordingWindow, WindowOpener
from server.recordings.windowed.windowing import Windowing, first_window
from server.speech.cuts import Cut
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.parser import CUT
from server.transcript.repeats import LoopFound
from server.transcript.segments import Segment

SILENCE = "[Silence]"
_VOICES_SHARE = 0.4
_MOST_VOICES = 120.0
"""Of a window, and seconds, for those heard before."""
_UNSURE = 1.0
"""Seconds: a segment that ends so near a cut that is not in silence is left to the next window."""
UNTOLD = "Nothing told whether speaker {}, first heard behind {:.0f} s, is one of those heard before."


class Passage:
    """Hears ``samples`` ([n], 24 kHz) from ``start`` to ``end``. Read once.

    Args:
        opener: of its windows.
        windowing: how they are cut.
        samples: of the whole recording, or one channel of it.
        level: of all of it.
        known: known speakers' voices.
        begun: segments that were told before, in seconds of the sound; ``start`` is behind them.
        start, end: samples.

    Attributes:
        first_token_at: ``perf_counter()`` when the first token was there.
        done: what each window's answer cost.
        complete: all of it was answered to the end.
        notes: what the caller should know.
        loops: where answers ran in circles.
        doubtful: speakers who may be one of those before.
        until: seconds of the sound up to which everything is told.
        windows: that it took, those without voice included.
    """

    def __init__(
        self,
        opener: WindowOpener,
        windowing: Windowing,
        samples: Samples,
        level: Level,
        *,
        known: Sequence[Voice] = (),
        begun: Sequence[Segment] = (),
        start: int,
        end: int,
    ) -> None:
        self.first_token_at: float | None = None
        self.done: list[AnswerDone] = []
        self.complete = True
        self.notes: list[str] = []
        self.loops: list[LoopFound] = []
        self.doubtful: list[int] = []
        self.windows = 0
        self.until = start / SAMPLE_RATE
        self._opener = opener
        self._windowing = windowing
        self._samples = samples
        self._level = level
        self._start, self._end = start, end
        self._most_tokens = opener.wishes.max_tokens
        self._cut = False  # by the caller's limit
        self._window: RecordingWindow | None = None
        introduced = min(windowing.seconds * _VOICES_SHARE, _MOST_VOICES)
        self._voices = HeardVoices(samples, level, known, introduced)
        self._voices.hear(begun)

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What is told, segment by segment, in seconds of the sound. Raises EngineError, EngineUnavailable."""
        at = self._start
        while at < self._end:
            introduced = self._voices.introductions
            room = self._windowing.seconds - sum(voice.seconds for voice in introduced)
            cut, voiced = await asyncio.to_thread(self._look, at, round(room * SAMPLE_RATE))
            self.windows += 1
            if not voiced:
                if cut.at - at >= PROGRESS * SAMPLE_RATE:  # else it is the rest of something
                    yield _silence(at / SAMPLE_RATE, cut.at / SAMPLE_RATE)
                at = cut.at
            else:
                border = inf if cut.silent else cut.at / SAMPLE_RATE - _UNSURE
                telling = Telling(border, at / SAMPLE_RATE)
                async with aclosing(self._heard(at, cut.at, introduced, telling)) as events:
                    async for event in events:
                        yield event
                if self._cut:
                    return
                at = self._next(at, cut.at, telling)
            self.until = at / SAMPLE_RATE

    def _look(self, first: int, longest: int) -> tuple[Cut, bool]:
        """Where the window ends that begins at ``first``, and whether it has a voice.

        Minutes in which nobody speaks are looked through to their end, which takes seconds.
        """
        cut = first_window(self._samples, self._level, first, self._end, longest)
        return cut, self._windowing.has_voice(self._samples[first : cut.at], self._level)

    def close(self) -> None:
        """End the work on it. Harmless when repeated."""
        if self._window is not None:
            self._window.close()

    async def _heard(
        self, first: int, last: int, introduced: Sequence[Voice], telling: Telling
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """One window."""
        numbers = self._voices.numbers(introduced)
        sound = window_sound(self._samples[first:last], self._level, introduced)
        window = self._opener.open(sound, introduced, first / SAMPLE_RATE, self._most_tokens)
        self._window = window
        try:
            async with aclosing(window.events()) as events:
                async for event in events:
                    self.first_token_at = self.first_token_at or window.first_token_at
                    telling.careful = window.careful and self._most_tokens is None
                    for told in telling.feed(event):
                        yield self._numbered(told, numbers)
            assert window.done is not None
            self.done.append(window.done)
            for event in self._ended(window, window.done, telling):
                yield self._numbered(event, numbers)
        finally:
            window.close()
            self.loops += window.loops
        self.notes += [UNTOLD.format(number, first / SAMPLE_RATE) for number in numbers.doubtful]
        self.doubtful += numbers.doubtful

    def _ended(self, window: RecordingWindow, done: AnswerDone, telling: Telling) -> list[TranscriptEvent]:
        """What is told when the answer is over.

        One that reached its limit goes on in another window behind the last segment, unless the caller set the limit,
        or nothing sound was said at all.
        """
        if self._most_tokens is not None:
            self._most_tokens -= done.answer_tokens
        if done.reason is EndReason.STOP:
            if not telling.over:
                self._judge(window)
            return []
        self._cut = window.limited
        told: list[TranscriptEvent] = []
        stuck = telling.until - self.until < PROGRESS
        if self._cut or telling.open or stuck:
            for event in window.cut():
                told += telling.feed(event)
        if self._cut or stuck or told:
            self.complete = False
            self.notes.append(CUT)
        telling.over = True
        return told

    def _judge(self, window: RecordingWindow) -> None:
        self.complete = self.complete and window.reader.complete
        self.notes += [note for note in window.reader.notes if note not in self.notes]

    def _next(self, first: int, last: int, telling: Telling) -> int:
        """Where the next window begins."""
        told = round(telling.until * SAMPLE_RATE)
        if not telling.over or told < first + PROGRESS * SAMPLE_RATE or told >= last:
            return last
        return told

    def _numbered(self, event: TranscriptEvent, numbers: WindowNumbers) -> TranscriptEvent:
        """With the recording's number; whoever is told is heard."""
        if not isinstance(event, SegmentClosed):
            return event
        segment = event.segment
        if segment.speaker is not None:
            segment = replace(segment, speaker=numbers.of(segment.speaker))
        self._voices.hear([segment])
        return replace(event, segment=segment, source=None)


def _silence(start: float, end: float) -> SegmentClosed:
    return SegmentClosed(Segment(0, start, end, None, SILENCE))
