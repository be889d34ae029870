"""A stretch of a recording, heard in one window after the other with those heard before in front."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from itertools import accumulate
from math import inf
from types import MappingProxyType

from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.messages import AnswerDone, EndReason
from server.recordings.begun import Answered, Begun, Standing, so_far
from server.recordings.sound import Sound
from server.recordings.windowed.costs import usage_of
from server.recordings.windowed.cutting import Cutting, Stretch
from server.recordings.windowed.known import KnownClips
from server.recordings.windowed.sound import window_sound
from server.recordings.windowed.telling import PROGRESS, Telling
from server.recordings.windowed.voices import HeardVoices
from server.recordings.windowed.window import RecordingWindow, WindowOpener
from server.recordings.windowed.windowing import Windowing
from server.transcript.events import SegmentClosed, TranscriptEvent
from server.transcript.parser import CUT
from server.transcript.segments import Segment
from server.voices.encoder import VoiceEncoder
from server.windows.speakers import WindowNumbers

SILENCE = "[Silence]"
_UNSURE = 1.0
"""Seconds: a segment that ends so near a cut that is not in silence is left to the next window."""
MARGIN = 1.0
"""Seconds around a segment that are kept with it: the model's times are not exact."""
_MOST_EARLY = 2
"""Windows in a row behind whose answer the next one begins, because somebody speaks there of whom it says nothing."""
_HALVED = 4.0
"""Seconds from which on a window of which nothing was told is heard again, half of it."""
PASSED_OVER = "The model says nothing of what is spoken between {:.0f} and {:.0f} s."
UNTOLD = "Nothing told whether speaker {}, first heard behind {:.0f} s, is one of those heard before."


class Passage:
    """Hears ``sound`` from ``start`` to ``end``. Read once.

    Args:
        opener: of its windows.
        windowing: how they are cut.
        sound: of the whole recording, or one channel of it.
        clips: of known speakers at the model's level, by the numbers that they have.
        encoder: tells voices apart, where there is one.
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
        encoder: VoiceEncoder | None = None,
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
        # With what was told of the window that was heard then, its answer begins now.
        again = len(begun.segments) - stands.told
        window = stands.start if again == 0 or (again > 0 and stands.answered.tokens) else None
        self._begun = begun.segments if window is None else begun.segments[: stands.told]
        self._again = begun.segments[len(self._begun) :]
        self._answered = stands.answered if self._again else Answered()
        if start is None:
            behind = max((segment.end for segment in self._begun), default=0.0)
            start = round((behind if window is None else window) * SAMPLE_RATE)
        self.until = start / SAMPLE_RATE
        self._longest = None if window is None else stands.longest  # seconds of the next window, where it is shorter
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
        self.known = KnownClips(opener, clips)
        self._cutting = Cutting(sound, windowing, end)
        self._stopped_early = 0  # windows in a row
        self._voices = HeardVoices(sound, self.known, windowing.seconds, encoder)

    async def events(self) -> AsyncGenerator[TranscriptEvent, None]:
        """What is told, segment by segment, in seconds of the sound. Raises EngineError, EngineUnavailable."""
        await self._remember()
        at = self._start
        while True:
            self._forget(at)
            await self._voices.listen()
            room = self._windowing.seconds - sum(voice.seconds for voice in self._voices.introductions)
            longest = room if self._longest is None else min(room, self._longest)
            look = await self._cutting.window(at, round(longest * SAMPLE_RATE))
            if look is None:
                self._voices.forget()
                return
            cut, voiced = look.cut, look.voiced
            again, self._again = self._again, ()
            self._stands = self._at_begin(at, self._told - len(again))
            self._answered = self._answered if again else Answered()
            self.windows += 1
            if not voiced:
                # A short one is the rest of something.
                if cut.at - at >= PROGRESS * SAMPLE_RATE:
                    silence = _silence(at / SAMPLE_RATE, cut.at / SAMPLE_RATE)
                    self._tell(silence.segment, Answered())
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
                if self._told == self._stands.told and await self._hears_again(at, cut.at):
                    continue
                at = await self._next(at, cut.at, telling)
            self._longest = None
            self.until = at / SAMPLE_RATE

    @property
    def standing(self) -> Standing:
        """For a later attempt, when a segment was told."""
        found = () if self._window is None else so_far(self._window.loops, self._told_until)
        return replace(self._stands, loops=(*self._stands.loops, *found), answered=self._answered)

    def _at_begin(self, first: int, told: int) -> Standing:
        """Of a window."""
        return Standing(
            start=first / SAMPLE_RATE,
            longest=self._longest,
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

    def _forget(self, before: int) -> None:
        if self._end is None:
            self._sound.forget(before - round(MARGIN * SAMPLE_RATE))

    def close(self) -> None:
        """End the work on it. Harmless when repeated."""
        if self._window is not None:
            self._window.close()

    async def _heard(
        self, first: int, look: Stretch, again: Sequence[Segment], telling: Telling
    ) -> AsyncGenerator[TranscriptEvent, None]:
        """One window, of which this much was told."""
        await self.known.ask()
        introduced = self._voices.introductions
        numbers = self._voices.numbers(introduced)
        for segment in again:
            if segment.speaker is not None:
                numbers.back(segment.speaker)
        self._voices.hear(again)
        telling.until = max([telling.until, *(segment.end for segment in again)])
        sound = window_sound(look.samples, look.level, introduced)
        start = first / SAMPLE_RATE
        window = self._opener.open(sound, introduced, start, self._most_tokens, self._answered, mark=look.mark)
        self._window = window
        try:
            async with aclosing(window.events()) as events:
                async for event in events:
                    self.first_token_at = self.first_token_at or window.first_token_at
                    telling.careful = window.careful and self._most_tokens is None
                    for told in telling.feed(event):
                        yield await self._numbered(told, numbers)
            assert window.done is not None
            self.done.append(window.done)
            if told_at_end := self._ended(window, window.done, telling):
                self._stands = replace(self._at_begin(first, self._told), start=None)  # an end that no answer has
            for event in told_at_end:
                yield await self._numbered(event, numbers)
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

    async def _hears_again(self, first: int, last: int) -> bool:
        """Whether half of a window is heard once more, since nothing was told of what somebody says in it."""
        if self.done[-1].reason is not EndReason.STOP or not await self._cutting.speech(first, last):
            return False
        start, end = first / SAMPLE_RATE, last / SAMPLE_RATE
        if self._longest is None and end - start >= _HALVED:
            self._longest = (end - start) / 2
            return True
        self.notes.append(PASSED_OVER.format(start, end))
        return False

    async def _next(self, first: int, last: int, telling: Telling) -> int:
        """Where the next window begins: behind the last segment where something was left out, else at the cut."""
        told = round(telling.until * SAMPLE_RATE)
        early, self._stopped_early = self._stopped_early, 0
        if told < first + PROGRESS * SAMPLE_RATE or told >= last:
            return last
        if telling.over:
            return told
        if early >= _MOST_EARLY or (behind := await self._cutting.left_out(first, told, last)) is None:
            return last
        self._stopped_early = early + 1
        return behind

    async def _numbered(self, event: TranscriptEvent, numbers: WindowNumbers) -> TranscriptEvent:
        """With the recording's number; whoever is told is heard."""
        if not isinstance(event, SegmentClosed):
            return event
        segment = replace(event.segment, speaker=await self._voices.number(event.segment, numbers))
        self._voices.hear([segment])
        assert self._window is not None
        self._tell(segment, self._window.answered(event))
        return replace(event, segment=segment, source=None)

    def _tell(self, segment: Segment, answered: Answered) -> None:
        self._told += 1
        self._answered = answered
        self._told_until = max(self._told_until, segment.end)


def _silence(start: float, end: float) -> SegmentClosed:
    return SegmentClosed(Segment(0, start, end, None, SILENCE))
