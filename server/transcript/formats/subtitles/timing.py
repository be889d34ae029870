"""How long each cue is shown: as long as it takes to read, where there is room for it."""

from __future__ import annotations

from collections.abc import Sequence

from server.transcript.formats.subtitles.options import SubtitleOptions
from server.transcript.formats.subtitles.overlaps import DRIFT, Shown

_FLICKER = 0.5
"""Seconds of a gap that looks like flicker (Netflix's Subtitle Timing Guidelines): the cue before it stays."""


def timed(cues: Sequence[Shown], until: float, options: SubtitleOptions) -> list[tuple[int, int]]:
    """When each is shown, in milliseconds: in order, none before the end of the one before, each at least one long.

    A cue that is too short to be read is shown on into the silence behind it, and where that is not enough earlier, by
    up to 1.5 s. Between two there is the gap, unless the first would be shorter than it.

    Args:
        cues: in order of their starts, none before the end of the one before.
        until: the end of the recording, in seconds.
        options: the limits of a cue.
    """
    found: list[tuple[int, int]] = []
    free, over = 0.0, 0
    for cue, behind in zip(cues, [*cues[1:], None], strict=True):
        start = max(_exact(cue.start), over / 1000)
        earliest = min(start, max(free, start - DRIFT))
        latest = max(until, cue.end) if behind is None else _latest(earliest, start, _exact(behind.start), options)
        reading = options.reading_time(cue.columns)
        end = min(max(cue.end, start + reading), latest)
        start = max(earliest, min(start, end - reading))
        if 0 < latest - end < _FLICKER:
            end = latest
        begin = max(round(start * 1000), over)
        over = max(round(min(end, start + options.max_duration) * 1000), begin + 1)
        free = over / 1000 + options.min_gap
        found.append((begin, over))
    return found


def _latest(earliest: float, start: float, behind: float, options: SubtitleOptions) -> float:
    """When a cue has to be gone: a gap before the next one, or in the middle if there is no room for a gap."""
    latest = behind - options.min_gap
    return latest if latest - earliest >= options.min_gap else max(latest, (start + behind) / 2)


def _exact(seconds: float) -> float:
    """To the millisecond, so that no rounding afterwards takes anything off a gap."""
    return round(seconds * 1000) / 1000
