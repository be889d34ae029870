"""People who talk at the same time, shown together where they begin together, or one after the other.

Players differ in what they do with two cues at once: some stack them, some show the last alone. So cues never overlap.
Two voices that begin within 1.5 s of each other (the BBC's bound on how far subtitles may run ahead of speech) share a
cue if each fits a line, with a dash in front of each, as the guides have it; so does a quick exchange in which the
first would be gone before it is read. Otherwise the first is shown until the second begins, or for as long as it takes
to read, and what follows is late by as much.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from server.transcript.formats.subtitles.cutting import Passage
from server.transcript.formats.subtitles.options import SubtitleOptions
from server.transcript.formats.subtitles.speakers import prefix_columns

DRIFT = 1.5
"""Seconds that a cue may be ahead of what is said in it or behind it (BBC guidelines, "Match subtitle to speech")."""
DASH = "- "
_AT_ONCE = 0.1
"""Seconds within which two begin at the same time."""
_ROUNDS = 12
"""Halvings until the share is found: to the tenth of a thousandth."""


@dataclass(slots=True)
class Shown:
    """What is shown at once, and when it is said.

    Attributes:
        voices: one, or some that begin together.
        start: seconds.
        end: seconds, not before ``start``.
    """

    voices: list[Passage]
    start: float
    end: float

    @property
    def columns(self) -> int:
        """Of all that is to be read."""
        dashes = len(DASH) * len(self.voices) if len(self.voices) > 1 else 0
        return dashes + sum(map(_columns, self.voices))


def _columns(voice: Passage) -> int:
    return voice.columns + prefix_columns(voice.speaker) * voice.labelled


def one_at_a_time(passages: Sequence[Passage], until: float, options: SubtitleOptions) -> list[Shown]:
    """Passages as what is shown, in order of their starts and none before the end of the one before.

    ``until``: the end of the recording, in seconds.
    """
    shown = _together(sorted(passages, key=lambda passage: passage.start), options)
    groups = list(_overlapping(shown))
    limits = [*(group[0].start - options.min_gap for group in groups[1:]), until]
    for group, limit in zip(groups, limits, strict=False):
        if len(group) > 1:
            _sequence(group, limit, options)
    return shown


def _together(passages: Sequence[Passage], options: SubtitleOptions) -> list[Shown]:
    """In order of their starts, those in one that begin together and fit."""
    found: list[Shown] = []
    for passage in passages:
        if found and _fits(found[-1], passage, options):
            found[-1].voices.append(passage)
            found[-1].end = max(found[-1].end, passage.end)
        else:
            found.append(Shown([passage], passage.start, passage.end))
    return found


def _fits(shown: Shown, passage: Passage, options: SubtitleOptions) -> bool:
    voices = [*shown.voices, passage]
    return (
        passage.start - shown.start <= DRIFT
        and passage.start < max(shown.end, shown.start + options.min_duration)
        and len(voices) <= options.line_count
        and all(voice.who != passage.who for voice in shown.voices)
        and max(len(DASH) + _columns(voice) for voice in voices) <= options.line_width
        and max(shown.end, passage.end) - shown.start <= options.max_duration
    )


def _overlapping(cues: Sequence[Shown]) -> Iterator[list[Shown]]:
    """In groups of which each begins before another one's end, or at the same time as another."""
    group: list[Shown] = []
    end = 0.0
    for cue in cues:
        if group and cue.start >= end:
            yield group
            group = []
        end = max(end if group else 0.0, cue.end, cue.start + _AT_ONCE)
        group.append(cue)
    if group:
        yield group


def _sequence(group: Sequence[Shown], limit: float, options: SubtitleOptions) -> None:
    """Set the times of what overlaps, so that each is read before the next one comes.

    Nothing is late by more than DRIFT where every cue gets the shortest time at least; all of it is over at ``limit``
    if that is possible, which is where the next group begins.
    """
    limit = max(limit, max(shown.end for shown in group))
    low, high = 0.0, 1.0
    times = _times(group, high, options)
    if not _acceptable(group, times, limit):
        for _ in range(_ROUNDS):
            share = (low + high) / 2
            tried = _times(group, share, options)
            low, high = (share, high) if _acceptable(group, tried, limit) else (low, share)
        times = _times(group, low, options)
    if times[-1][1] > limit:
        times = _shared(group, limit)
    for shown, (start, end) in zip(group, times, strict=True):
        shown.start, shown.end = start, end


def _times(group: Sequence[Shown], share: float, options: SubtitleOptions) -> list[tuple[float, float]]:
    """When each is shown if it gets that share of the time that reading takes."""
    found: list[tuple[float, float]] = []
    free = group[0].start
    for shown, behind in zip(group, [*group[1:], None], strict=True):
        reading = options.reading_time(shown.columns)
        start = max(shown.start, free)
        said = shown.end if behind is None else min(shown.end, behind.start - options.min_gap)
        end = max(said, start + max(share * reading, options.min_duration))
        found.append((start, end))
        free = end + options.min_gap
    return found


def _acceptable(group: Sequence[Shown], times: Sequence[tuple[float, float]], limit: float) -> bool:
    late = max(start - shown.start for shown, (start, _) in zip(group, times, strict=True))
    return late <= DRIFT and times[-1][1] <= limit


def _shared(group: Sequence[Shown], limit: float) -> list[tuple[float, float]]:
    """The time there is, shared by the length of the texts: more is said than can be shown."""
    reached = [0]
    for shown in group:
        reached.append(reached[-1] + max(shown.columns, 1))
    start = group[0].start
    return list(pairwise(start + (limit - start) * place / reached[-1] for place in reached))
