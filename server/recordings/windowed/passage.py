"""A stretch of a recording, heard in one window after the other with those heard before in front."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import accumulate
from math import inf
from types import MappingProxyType

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.engine.messages import AnswerDone, EndReason
from server.recordings.begun import Begun, Standing, so_far
from server.recordings.sound import Sound
from server.recordings.windowed.costs import usage_of
from server.recordings.windowed.known import KnownClips
from server.recordings.windowed.sound import mark_of, window_sound
from server.recordings.windowed.telling import PROGRESS, Telling
from server.recordings.windowed.voices import HeardVoices, WindowNumbers
from server.recordings.windowed.window import RecordingWindow, WindowOpener
from server.recordings.windowed.windowing import Windowing, first_window, seen
from server.speech.cuts import Cut
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.parser import CUT
from server.transcript.segments import Segment

SILENCE = "[Silence]"
_VOICES_SHARE = 0.4
_MOST_VOICES = 120.0
"""Of a window, and seconds, for those heard before."""
_UNSURE = 1.0
"""Seconds: a segment that ends so near a cut that is not in silence is left to the next window."""
MARGIN = 1.0
"""Seconds around a segment that are kept with it: the model's times are not exact."""
UNTOLD = "Nothing told whether speaker {}, first heard behind {:.0f} s, is one of those heard before."


class Passage:
    """Hears ``sound`` from ``start`` to ``end``. Read once.

    Args:
        opener: of its windows.
        windowing: how they are cut.
        sound: of the whole recording, or one channel of it.
        clips: of known speakers at the model's level, by the numbers that they have.
        begun: what was told before, in seconds of the sound.
        start, end: samples; by default all that is not ``begun``. Then nobody else hears the sound, and what was
            heard of it is forgotten.

    Attributes:
        first_token_at: ``perf_counter()`` when the first token was there.
        done: what each window's answer cost.
        complete: all of it was answered to the end.
        notes: what the caller should know.
        loops: where answers ran in circles.
        doubtful: speakers who may be one of those before.
        known: the clips.
        until: seconds of the sound up to which everything is told.
        windows: that it took, those without voice included.
    """

    def __init__(
        self,
        opener: WindowOpener,
        windowing: Windowing,
        sound: Sound,
        *,
        clips: Mapping[int, Samples] = MappingProxyType({}),
        begun: Begun = Begun(),  # noqa: B008 - frozen
        start: int | None = None,
        end: int | None = None,
    ) -> None:
        self.first_token_at: float | None = None
        self.done: list[AnswerDone] = []
        stands = begun.standing
        self.complete = stands.complete
        self.notes = list(stands.notes)
        self.loops = list(stands.loops)
        self.doubtful: list[int] = []
        self.windows = stands.windows
        self._spent = stands.usage
        # What was told of the window that was heard then, its answer begins with now.
        known_start = stands.start is not None and stands.told <= len(begun.segments)
        self._begun = begun.segments[: stands.told] if known_start else begun.segments
        self._again = begun.segments[len(self._begun) :]
        if start is None:
            behind = max((segment.end for segment in self._begun), default=0.0)
            start = round((stands.start if known_start and stands.start is not None else behind) * SAMPLE_RATE)
        self.until = start / SAMPLE_RATE
        self._told, self._told_until = len(begun.segments), max((s.end for s in begun.segments), default=0.0)
        self._stands = stands
        self._opener = opener
        self._windowing = windowing
        self._sound = sound
        self._start, self._end = start, end
        self._most_tokens = opener.wishes.max_tokens
        if self._most_tokens is not None:
            self._most_tokens = max(1, self._most_tokens - self._spent.answer_tokens)
        self._cut = False  # by the caller's limit
        self._window: RecordingWindow | None = None
        introduced = min(windowing.seconds * _VOICES_SHARE, _MOST_VOICES)
        self.known = KnownClips(opener, clips)
        self._voices = HeardVoices(sound, self.known, introduced)

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What is told, segment by segment, in seconds of the sound. Raises EngineError, EngineUnavailable."""
        await self._remember()
        at = self._start
        while True:
            self._forget(at)
            room = self._windowing.seconds - sum(voice.seconds for voice in self._voices.introductions)
            look = await self._look(at, round(room * SAMPLE_RATE))
            if look is None:
                self._voices.forget()
                return
            cut, voiced = look.cut, look.voiced
            again, self._again = self._again, ()
            self._stands = self._at_begin(at, self._told - len(again))
            self.windows += 1
            if not voiced:
                # A short one is the rest of something.
                if not again and cut.at - at >= PROGRESS * SAMPLE_RATE:
                    silence = _silence(at / SAMPLE_RATE, cut.at / SAMPLE_RATE)
                    self._tell(silence.segment)
                    yield silence
                at = cut.at
            else:
                border = inf if cut.silent else cut.at / SAMPLE_RATE - _UNSURE
                telling = Telling(border, at / SAMPLE_RATE)
                async with aclosing(self._heard(at, look, again, telling)) as events:
                    async for event in events:
                        yield event
                if self._cut:
                    return
                at = self._next(at, cut.at, telling)
            self.until = at / SAMPLE_RATE

    @property
    def standing(self) -> Standing:
        """For a later attempt, when a segment was told."""
        found = () if self._window is None else so_far(self._window.loops, self._told_until)
        return replace(self._stands, loops=(*self._stands.loops, *found))

    def _at_begin(self, first: int, told: int) -> Standing:
        """Of a window."""
        return Standing(
            start=first / SAMPLE_RATE,
            told=told,
            windows=self.windows,
            usage=self._spent + usage_of(self.done),
            notes=tuple(self.notes),
            loops=tuple(self.loops),
            complete=self.complete,
        )

    async def _remember(self) -> None:
        """Hear again the voices of those who were heard before, as far as they are wanted."""
        starts = list(accumulate((segment.start for segment in reversed(self._begun)), min))[::-1]
        for segment, start in zip(self._begun, starts, strict=True):
            self._forget(round(start * SAMPLE_RATE))
            await self._sound.reach(round((segment.end + MARGIN) * SAMPLE_RATE))
            self._voices.hear([segment])

    async def _look(self, first: int, longest: int) -> _Look | None:
        """At the window that begins at ``first``; None where nothing is left.

        Minutes in which nobody speaks are looked through to their end, which takes seconds.
        """
        last = await self._sound.reach(_sooner(first + seen(longest), self._end))
        if last <= first:
            return None
        look = await asyncio.to_thread(self._look_at, first, last, longest)
        self._sound.expect(_sooner(look.cut.at + seen(longest), self._end))
        return look

    def _look_at(self, first: int, last: int, longest: int) -> _Look:
        stretch, level = self._sound.stretch(first, last), self._sound.level(last)
        end = self._sound.length if self._end is None else self._end
        cut = first_window(stretch, level, longest, end - first)
        window = stretch[: cut.at]
        worth = self._sound.worth_hearing(first + cut.at)
        voiced = worth and self._windowing.has_voice(window, level)
        return _Look(replace(cut, at=first + cut.at), window, level, voiced, mark_of(window))

    def _forget(self, before: int) -> None:
        if self._end is None:
            self._sound.forget(before - round(MARGIN * SAMPLE_RATE))

    def close(self) -> None:
        """End the work on it. Harmless when repeated."""
        if self._window is not None:
            self._window.close()

    async def _heard(
        self, first: int, look: _Look, again: Sequence[Segment], telling: Telling
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """One window, of which this much was told."""
        await self.known.ask()
        introduced = self._voices.introductions
        numbers = self._voices.numbers(introduced)
        said = [
            segment if segment.speaker is None else replace(segment, speaker=numbers.back(segment.speaker))
            for segment in again
        ]
        self._voices.hear(again)
        telling.until = max([telling.until, *(segment.end for segment in again)])
        sound = window_sound(look.window, look.level, introduced)
        start = first / SAMPLE_RATE
        window = self._opener.open(sound, introduced, start, self._most_tokens, said, mark=look.mark)
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
            self._window = None
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
        self._tell(segment)
        return replace(event, segment=segment, source=None)

    def _tell(self, segment: Segment) -> None:
        self._told += 1
        self._told_until = max(self._told_until, segment.end)


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """A window that is to be heard: where it ends, its samples and their level, whether anybody speaks in it, and what
    tells it from others."""

    cut: Cut
    window: Samples
    level: Level
    voiced: bool
    mark: str


def _sooner(sample: int, end: int | None) -> int:
    return sample if end is None else min(sample, end)


def _silence(start: float, end: float) -> SegmentClosed:
    return SegmentClosed(Segment(0, start, end, None, SILENCE))
