"""How recordings are cut into windows, and how speakers keep their numbers from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.speech.cuts import Cut, best_cut
from server.speech.voiced import has_voice

_SEARCHED = 0.2
_LEAST_SEARCHED, _MOST_SEARCHED = 4.0, 60.0
"""Of a window, and seconds, in which a pause is looked for: somebody may talk for minutes, but takes breath."""
_OVERLAP = 0.25
_MOST_OVERLAP = 20.0
"""Of a window, and seconds, that the next one hears again."""


class SpeakerContinuity(StrEnum):
    """How speakers keep their numbers."""

    INTRODUCED = "introduced"
    """Windows one after the other, each with a few words of everybody heard so far in front."""
    LINKED = "linked"
    """Windows side by side, linked by the words of their overlap and by what voices sound like."""


@dataclass(frozen=True, slots=True)
class Windowing:
    """Attributes:
    seconds: longest window.
    continuity: between them.
    has_voice: whether samples, at the level of their recording, are worth the model's time.
    side_by_side: linked windows that are open at once, so that memory is bounded and others get their turns.
    """

    seconds: float = 1200.0
    continuity: SpeakerContinuity = SpeakerContinuity.INTRODUCED
    has_voice: Callable[[Samples, Level], bool] = has_voice
    side_by_side: int = 3


def first_window(samples: Samples, level: Level, start: int, end: int, longest: int) -> Cut:
    """Where the window of at most ``longest`` samples ends that begins at ``start`` of what is heard until ``end``.

    All windows to come are about as long as each other: a last one of some seconds would be answered worst.
    """
    left = end - start
    if left <= longest:
        return Cut(end, silent=True)
    least = min(_LEAST_SEARCHED * SAMPLE_RATE, longest / 2)
    searched = round(min(max(_SEARCHED * longest, least), _MOST_SEARCHED * SAMPLE_RATE))
    last = min(longest, round(left / ceil(left / longest)) + searched // 2)
    return best_cut(samples, start + last - searched, start + last, level)


def overlapping_windows(samples: Samples, level: Level, longest: int) -> list[tuple[int, int]]:
    """First and last sample of windows over all of ``samples``, each beginning somewhat before the last one's end."""
    overlap = overlap_of(longest)
    windows: list[tuple[int, int]] = []
    start = 0
    while True:
        end = first_window(samples, level, start, samples.size, longest).at
        windows.append((start, end))
        if end >= samples.size:
            return windows
        start = best_cut(samples, end - overlap, end - overlap // 2, level).at


def overlap_of(longest: int) -> int:
    """Samples that two windows of at most ``longest`` have in common at most."""
    return round(min(_OVERLAP * longest, _MOST_OVERLAP * SAMPLE_RATE))
