"""How recordings are cut into windows, and how speakers keep their numbers from one to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from model.seam.audio import SAMPLE_RATE, Level, Samples
from server.audio_in.limits import PART_SECONDS
from server.speech import voiced
from server.speech.audible import is_worth_hearing
from server.speech.cuts import Cut, best_cut

_SEARCHED = 0.2
_LEAST_SEARCHED, _MOST_SEARCHED = 4.0, 60.0
"""Of a window, and seconds, in which a pause is looked for: somebody may talk for minutes, but takes breath."""
_REST = 0.25
"""Of a window: so much behind it is looked at, lest a last one of some seconds is left where nobody knew the end."""
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
    has_speech: whether somebody says something in them.
    side_by_side: linked windows that are open at once, so that memory is bounded and others get their turns.
    """

    seconds: float = 1200.0
    continuity: SpeakerContinuity = SpeakerContinuity.INTRODUCED
    has_voice: Callable[[Samples, Level], bool] = is_worth_hearing
    has_speech: Callable[[Samples, Level], bool] = voiced.has_speech
    side_by_side: int = 3

    @property
    def held(self) -> float:
        """Seconds of a recording that are held at once, at most."""
        windows = self.side_by_side if self.continuity is SpeakerContinuity.LINKED else 1
        return (windows + 1 + _REST) * self.seconds + PART_SECONDS


def seen(longest: int) -> int:
    """Samples from a window's beginning on of which has to be known whether they are there, to say where it ends."""
    return longest + ceil(_REST * longest)


def first_window(stretch: Samples, level: Level, longest: int, left: int) -> Cut:
    """Where the window of at most ``longest`` samples ends that begins where ``stretch`` does.

    All windows to come are about as long as each other: a last one of some seconds would be answered worst.

    Args:
        stretch: as many samples as are to be `seen`, or all that are left.
        level: that they need.
        longest: samples.
        left: how many there are from here on, as far as anybody knows.
    """
    if stretch.size <= longest:
        return Cut(stretch.size, silent=True)
    left = stretch.size if stretch.size < seen(longest) else max(left, stretch.size)
    least = min(_LEAST_SEARCHED * SAMPLE_RATE, longest / 2)
    searched = round(min(max(_SEARCHED * longest, least), _MOST_SEARCHED * SAMPLE_RATE))
    last = min(longest, round(left / ceil(left / longest)) + searched // 2)
    return best_cut(stretch, last - searched, last, level)


def overlap_of(longest: int) -> int:
    """Samples that two windows of at most ``longest`` have in common at most."""
    return round(min(_OVERLAP * longest, _MOST_OVERLAP * SAMPLE_RATE))


def next_begin(window: Samples, level: Level, longest: int) -> int:
    """Where in ``window`` the next one begins that overlaps it."""
    overlap = overlap_of(longest)
    return best_cut(window, window.size - overlap, window.size - overlap // 2, level).at
