"""Cuts a stretch of a recording into windows, one after the other, and says what is in them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.recordings.sound import Sound
from server.recordings.windowed.sound import mark_of
from server.recordings.windowed.windowing import Windowing, first_window, seen
from server.speech.cuts import Cut, best_cut, next_pause

_LEAST = 1.0
"""Seconds behind the last segment of a window in which somebody may have been left out."""
_AROUND = 30.0
"""Seconds on either side of its end that tell what a pause is there."""


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """A window that is to be heard: where it ends, its samples and their level, whether anybody speaks in it, and what
    tells it from others."""

    cut: Cut
    samples: Samples
    level: Level
    voiced: bool
    mark: str


class Cutting:
    """Of ``sound`` up to the sample ``end``, or all of it, in which case it is told what will be asked for next."""

    def __init__(self, sound: Sound, windowing: Windowing, end: int | None) -> None:
        self._sound = sound
        self._windowing = windowing
        self._end = end

    async def window(self, first: int, longest: int) -> Stretch | None:
        """The window of at most ``longest`` samples that begins at ``first``; None where nothing is left.

        Minutes in which nobody speaks are looked through to their end, which takes seconds.
        """
        last = await self._sound.reach(self._sooner(first + seen(longest)))
        if last <= first:
            return None
        stretch = await asyncio.to_thread(self._cut, first, last, longest)
        self._sound.expect(self._sooner(stretch.cut.at + seen(longest)))
        return stretch

    async def left_out(self, first: int, told: int, last: int) -> int | None:
        """Where another window begins if somebody speaks on behind the last segment of one from ``first`` to ``last``.

        In a pause, if there is any: the segment may not quite end at ``told``, where the model has it end.
        """
        if last - told < _LEAST * SAMPLE_RATE:
            return None
        return await asyncio.to_thread(self._look_behind, first, told, last)

    async def speech(self, first: int, last: int) -> bool:
        """Whether somebody says something between these samples."""
        level = self._sound.level(last)
        return await asyncio.to_thread(self._windowing.has_speech, self._sound.stretch(first, last), level)

    def _look_behind(self, first: int, told: int, last: int) -> int | None:
        around = round(_AROUND * SAMPLE_RATE)
        first, near, level = max(first, told - around), min(last, told + around), self._sound.level(last)
        piece = self._sound.stretch(first, near)
        pause = next_pause(piece, told - first, level)
        if pause is None:
            pause = best_cut(piece, told - first, min(piece.size, told - first + round(_LEAST * SAMPLE_RATE)), level).at
        if last - first - pause < _LEAST * SAMPLE_RATE:
            return None
        return first + pause if self._windowing.has_speech(self._sound.stretch(first + pause, last), level) else None

    def _cut(self, first: int, last: int, longest: int) -> Stretch:
        samples, level = self._sound.stretch(first, last), self._sound.level(last)
        end = self._sound.length if self._end is None else self._end
        cut = first_window(samples, level, longest, end - first)
        window = samples[: cut.at]
        worth = self._sound.worth_hearing(first + cut.at)
        voiced = worth and self._windowing.has_voice(window, level)
        return Stretch(replace(cut, at=first + cut.at), window, level, voiced, mark_of(window))

    def _sooner(self, sample: int) -> int:
        return sample if self._end is None else min(sample, self._end)
