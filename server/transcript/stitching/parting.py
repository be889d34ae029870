"""Two people whom a window has as one speaker, told apart by the voices of what they say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from server.transcript.segments import Segment
from server.transcript.stitching.heard import Vector

_TELLING: Final = 1.0
"""Seconds of a segment whose voice may part others from it: a shorter one's goes with those it is most like."""
_LEAST: Final = 3.0
"""Seconds of telling segments that are somebody."""
_MOST: Final = 10.0
"""Seconds from which on a segment's vector says no more."""
_ROUNDS: Final = 20
"""Of the means, at most."""


@dataclass(frozen=True, slots=True)
class _Said:
    """Segments (by their places) that sound like one person, the sum of their vectors by seconds, and the seconds."""

    places: tuple[int, ...]
    total: Vector
    seconds: float

    def with_(self, other: _Said) -> _Said:
        return _Said((*self.places, *other.places), self.total + other.total, self.seconds + other.seconds)

    def likeness(self, other: _Said) -> float:
        return float(_unit(self.total) @ _unit(other.total))


def mixed_speakers(
    segments: Sequence[Segment], vectors: Mapping[int, Vector], different: float
) -> dict[int, tuple[_Said, _Said]]:
    """The speakers of a window who are two people, the one that says more first.

    ``vectors``: by places of segments, of length 1. ``different``: the cosine up to which two are of two voices.
    """
    found = {}
    for speaker, own in _telling(segments, vectors).items():
        groups = _halves(own)
        if groups is None or min(group.seconds for group in groups) < _LEAST:
            continue
        one, other = groups
        if one.likeness(other) <= different:
            found[speaker] = (one, other) if one.seconds >= other.seconds else (other, one)
    return found


def _halves(own: Sequence[_Said]) -> tuple[_Said, _Said] | None:
    """The two groups that are least alike: means of two, begun with the two segments that are."""
    rows = np.stack([_unit(said.total) for said in own])
    likeness = rows @ rows.T
    centres = rows[list(np.unravel_index(np.argmin(likeness), likeness.shape))]
    seconds = np.array([said.seconds for said in own], np.float32)
    late = np.zeros(len(own), bool)
    for _ in range(_ROUNDS):
        nearer = rows @ centres[1] > rows @ centres[0]
        if not nearer.any() or nearer.all():
            return None
        if (nearer == late).all():
            break
        late = nearer
        centres = np.stack([_unit(seconds[side] @ rows[side]) for side in (~late, late)])
    one, other = (
        _together(said for said, at in zip(own, late, strict=True) if bool(at) is side) for side in (False, True)
    )
    return one, other


def parted(segments: Sequence[Segment], vectors: Mapping[int, Vector], same: float, different: float) -> list[Segment]:
    """The segments of a window with a number for each person: of two who had one, who says more keeps it.

    The other one is the speaker of the window whose voice that is (a cosine of ``same`` or more), or gets the next
    number. ``vectors``, ``different``: see `mixed_speakers`; a segment without a vector keeps its number.
    """
    mixed = mixed_speakers(segments, vectors, different)
    people = {speaker: _together(own) for speaker, own in _telling(segments, vectors).items()}
    people |= {speaker: more for speaker, (more, _) in mixed.items()}
    numbers = {place: segment.speaker for place, segment in enumerate(segments)}
    following = max((number for number in numbers.values() if number is not None), default=-1) + 1
    for speaker, (more, less) in mixed.items():
        others = [number for number in people if number != speaker]
        number = max(others, key=lambda other: people[other].likeness(less), default=None)
        if number is None or people[number].likeness(less) < same:
            number, following = following, following + 1
            people[number] = less
        for place in vectors:
            if segments[place].speaker == speaker and place not in more.places:
                mine = _Said((place,), vectors[place], 0.0)
                if place in less.places or mine.likeness(less) > mine.likeness(more):
                    numbers[place] = number
    return [replace(segment, speaker=numbers[place]) for place, segment in enumerate(segments)]


def voices_of(segments: Sequence[Segment], vectors: Mapping[int, Vector]) -> dict[int, Vector]:
    """What each speaker of a window sounds like: their segments' vectors together, by their seconds."""
    return {speaker: _unit(_together(own).total) for speaker, own in _heard(segments, vectors).items()}


def _heard(segments: Sequence[Segment], vectors: Mapping[int, Vector]) -> dict[int, list[_Said]]:
    """Each segment that has a vector, by speaker."""
    heard: dict[int, list[_Said]] = {}
    for place, vector in vectors.items():
        segment = segments[place]
        if segment.speaker is not None:
            seconds = min(max(segment.end - segment.start, 0.0), _MOST)
            heard.setdefault(segment.speaker, []).append(_Said((place,), vector * np.float32(seconds), seconds))
    return heard


def _telling(segments: Sequence[Segment], vectors: Mapping[int, Vector]) -> dict[int, list[_Said]]:
    """Those that are long enough to part others from them."""
    heard = {
        speaker: [said for said in own if said.seconds >= _TELLING]
        for speaker, own in _heard(segments, vectors).items()
    }
    return {speaker: own for speaker, own in heard.items() if own}


def _together(own: Iterable[_Said]) -> _Said:
    first, *others = own
    for other in others:
        first = first.with_(other)
    return first


def _unit(vector: Vector) -> Vector:
    length = float(np.linalg.norm(vector))
    return vector / np.float32(length) if length else vector
