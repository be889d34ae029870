"""Which words of two windows are kept where they overlap.

In front of the cut the earlier window is right, behind it the later one: words near a window's edge are cut or made up.
The cut is a word that both have, near the overlap's middle. What only one of them heard between two words that both
have is kept, wherever the cut is: models leave words out more often than they invent some within a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from server.transcript.stitching.likeness import likeness
from server.transcript.stitching.overlap import BLUR, Match, Overlap
from server.transcript.stitching.units import Unit
from server.transcript.word_breaks import letters
from server.transcript.words import ends_sentence

_EDGE: Final = 1.0
"""Seconds from a window's edge within which words that the other window does not have are not believed."""
_SPOILT: Final = 2
"""Units at a window's edge that are worse than others."""
_EDGE_SHARE: Final = 1 / 3
"""Of the overlap, at most."""
_RICHER: Final = 2.5
"""How many times as much weight the one side's words have where the other side has left out some of them."""
_LEFT_OUT: Final = 3
"""Units that it has more, at least."""
MEETING: Final = 0.5
"""Seconds within which words are at the place where two windows meet, and not a pause from it."""
_FASTEST: Final = 60.0
"""Letters that nobody says in a second, by far."""
_SHORTEST: Final = 0.05
"""Seconds of a segment that says when it is said."""
_SENTENCE: Final = 3
"""Units of a segment that is more than a call in passing, of which times are often too short."""
_TORN: Final = 0.3
_UNCLEAN: Final = 0.3
"""What a cut costs beside a word that only one side has, and one within a segment, in halves of the overlap."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A unit of the transcript.

    Attributes:
        unit: what is written.
        late: it is the later window's.
        a: how the earlier window has it; None where it does not.
        b: how the later window has it.
    """

    unit: Unit
    late: bool
    a: Unit | None
    b: Unit | None


@dataclass(frozen=True, slots=True)
class Seam:
    """The units of both windows near their overlap as one row.

    Attributes:
        kept: the units in order.
        at: seconds where the later window takes over.
        overlap: of the windows.
        torn: the windows have no word in common, and where they meet a sentence was cut.
    """

    kept: tuple[Kept, ...]
    at: float
    overlap: Overlap
    torn: bool = False


def sew(
    a: Sequence[Unit], b: Sequence[Unit], matches: Sequence[Match], overlap: Overlap, said: Mapping[str, int]
) -> Seam:
    """Each word once.

    ``matches``: what both have in common, in order; ``a`` and ``b`` may have none. ``said``: how often each word, by
    its letters, stands in both windows.
    """
    if not matches:
        return _without_matches(a, b, overlap)
    cut = _best_cut(a, b, matches, overlap)
    kept = _head(a[: matches[0].first_a], b[: matches[0].first_b], b[matches[0].first_b], overlap)
    for place, match in enumerate(matches):
        late = place > cut
        if place:
            before = matches[place - 1]
            part_a, part_b = a[before.end_a : match.first_a], b[before.end_b : match.first_b]
            kept += _between(part_a, part_b, overlap, late=late)
        late = _known(match, a, b, said, _whole(match, a, b, late))
        kept += _both(a[match.first_a : match.end_a], b[match.first_b : match.end_b], late=late)
    end = matches[-1]
    kept += _tail(a[end.end_a :], b[end.end_b :], a[end.end_a - 1], overlap)
    last = matches[cut]
    return Seam(tuple(kept), (a[last.end_a - 1].end + b[last.end_b - 1].end) / 2, overlap)


def _best_cut(a: Sequence[Unit], b: Sequence[Unit], matches: Sequence[Match], overlap: Overlap) -> int:
    """Which match is the earlier window's last word."""
    half = max(overlap.seconds / 2, 1e-3)

    def cost(place: int) -> float:
        match = matches[place]
        at = (a[match.end_a - 1].end + b[match.end_b - 1].end) / 2
        clean = a[match.end_a - 1].last and b[match.end_b - 1].last
        return abs(at - overlap.middle) / half + _TORN * _torn(matches, place) + _UNCLEAN * (not clean)

    return min(range(len(matches)), key=cost)


def _torn(matches: Sequence[Match], place: int) -> int:
    """On how many sides of a match there is another word on some side."""
    around = list(pairwise(matches[max(place - 1, 0) : place + 2]))
    together = [one.end_a == other.first_a and one.end_b == other.first_b for one, other in around]
    return 2 - sum(together)


def _both(part_a: Sequence[Unit], part_b: Sequence[Unit], *, late: bool) -> list[Kept]:
    """A match, as the one side has it."""
    if len(part_a) == len(part_b):
        return [Kept(part_b[0] if late else part_a[0], late, part_a[0], part_b[0])]
    if late:
        return [Kept(unit, late, part_a[0], unit) for unit in part_b]
    return [Kept(unit, late, unit, part_b[-1]) for unit in part_a]


def _known(match: Match, a: Sequence[Unit], b: Sequence[Unit], said: Mapping[str, int], late: bool) -> bool:
    """Whether the later window's word is written: of two spellings that which is there elsewhere; else ``late``."""
    one, other = said.get(a[match.first_a].key, 0), said.get(b[match.first_b].key, 0)
    if one == other or not likeness(a[match.first_a].key, b[match.first_b].key):
        return late
    return other > one


def _whole(match: Match, a: Sequence[Unit], b: Sequence[Unit], late: bool) -> bool:
    """Whether the later window's word is written: where the earlier one's end cut a word, the later one has all of it.

    Where the later one's start cut one, it is the first match, which is the earlier one's at any cut.
    """
    one, other = a[match.end_a - 1].key, b[match.first_b].key
    cut = match.end_a == len(a) and len(other) > len(one) and other.startswith(one)
    return late or cut


def _between(part_a: Sequence[Unit], part_b: Sequence[Unit], overlap: Overlap, *, late: bool) -> list[Kept]:
    """Between two matches: what one side alone has, or what the side has that is to be believed here.

    All of it or nothing, by its middle: the characters of a script without spaces are no words.
    """
    own, other = (part_b, part_a) if late else (part_a, part_b)
    believed = not other or _inside(other[len(other) // 2], overlap, late=not late)
    if believed and _fuller(other, own):
        late = not late
    early = [unit for unit in part_a if not late or _far(unit, overlap, late=False)]
    later = [unit for unit in part_b if late or _far(unit, overlap, late=True)]
    return _alone(early, late=False) + _alone(later, late=True)


def _fuller(other: Sequence[Unit], own: Sequence[Unit]) -> bool:
    """The own side has left out some of the words, or all."""
    if not own:
        return bool(other)
    more = _weight(other) >= _RICHER * _weight(own)
    return more and len(other) - len(own) >= _LEFT_OUT


def _weight(units: Iterable[Unit]) -> float:
    return sum(unit.weight for unit in units)


def _head(part_a: Sequence[Unit], part_b: Sequence[Unit], first: Unit, overlap: Overlap) -> list[Kept]:
    """In front of the first match the later window is at its edge: what it alone has counts farther inside.

    ``first``: the match, as the later window has it. A segment at the edge of which the other window, in its middle,
    has not one word was made up, all of it.
    """
    answered = any(unit.middle > overlap.start for unit in part_a)
    inside = [
        unit
        for unit in part_b
        if _far(unit, overlap, late=True)
        or (
            not answered
            and _inside(unit, overlap, late=True)
            and not (unit.place < _SPOILT and unit.segment.start < overlap.start + _EDGE)
            and (unit.segment is first.segment or unit.segment.start > overlap.start + _edge(overlap))
        )
    ]
    return _alone(part_a, late=False) + _alone(inside, late=True)


def _tail(part_a: Sequence[Unit], part_b: Sequence[Unit], last: Unit, overlap: Overlap) -> list[Kept]:
    """Behind the last match the earlier window is at its edge. ``last``: the match, as the earlier window has it."""
    answered = any(unit.middle < overlap.end for unit in part_b)
    inside = [
        unit
        for place, unit in enumerate(part_a)
        if _far(unit, overlap, late=False)
        or (
            not answered
            and _inside(unit, overlap, late=False)
            and not (len(part_a) - place <= _SPOILT and unit.segment.end > overlap.end - _EDGE)
            and (unit.segment is last.segment or unit.segment.end < overlap.end - _edge(overlap))
        )
    ]
    return _alone(inside, late=False) + _alone(part_b, late=True)


def _far(unit: Unit, overlap: Overlap, *, late: bool) -> bool:
    """Whether a word stands where the other window is not, in whatever order its own has written it."""
    return unit.segment.start > overlap.end + BLUR if late else unit.segment.end < overlap.start - BLUR


def _inside(unit: Unit, overlap: Overlap, *, late: bool) -> bool:
    """Whether a word is far enough from its window's edge to be believed against the other window."""
    edge = _edge(overlap)
    return unit.middle > overlap.start + edge if late else unit.middle < overlap.end - edge


def _edge(overlap: Overlap) -> float:
    return min(_EDGE, overlap.seconds * _EDGE_SHARE)


def _alone(units: Iterable[Unit], *, late: bool) -> list[Kept]:
    return [Kept(unit, late, None if late else unit, unit if late else None) for unit in units]


def _without_matches(a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap) -> Seam:
    """Where only one has words in the overlap they are kept; else the cut is where both pause, near the middle."""
    a = _without_crammed(a, overlap)
    common_a = [unit for unit in a if unit.middle > overlap.start]
    common_b = [unit for unit in b if unit.middle < overlap.end]
    if not overlap.seconds or not common_a or not common_b:
        at = overlap.end if common_a else overlap.start if common_b else overlap.middle
        return Seam((*_alone(a, late=False), *_alone(b, late=True)), at, overlap, _is_torn(a, b, overlap))
    at = _pause(a, b, overlap)
    early = _alone((unit for unit in a if unit.middle <= at), late=False)
    return Seam((*early, *_alone((unit for unit in b if unit.middle > at), late=True)), at, overlap)


def _without_crammed(a: Sequence[Unit], overlap: Overlap) -> Sequence[Unit]:
    """Without a last sentence that the time in front of the window's end cannot hold: nobody said it."""
    if not a or a[-1].segment.end < overlap.end - MEETING:
        return a
    crammed = a[-1].segment
    own = [unit for unit in a if unit.segment is crammed]
    said = sum(letters(unit.text) for unit in own)
    began = crammed.start
    if crammed.end - began < _SHORTEST and len(own) < len(a):  # its times were cut at the window's end
        began = min(began, a[-len(own) - 1].segment.end)
    if len(own) < _SENTENCE or said <= _FASTEST * (crammed.end - began):
        return a
    return [unit for unit in a if unit.segment is not crammed]


def _is_torn(a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap) -> bool:
    """Both windows' words reach to where they meet, and the earlier one's are no whole sentence."""
    if not a or not b or ends_sentence(a[-1].text):
        return False
    gaps = overlap.end - a[-1].end, b[0].start - overlap.start, b[0].start - a[-1].end
    return max(gaps) <= MEETING


def _pause(a: Sequence[Unit], b: Sequence[Unit], overlap: Overlap) -> float:
    """The moment of the overlap at which least is said, and where fewest words are lost; of several the middlemost.

    Between two words of a segment nothing is said either, but half of it would be lost there.
    """
    segments = {id(unit.segment): (unit.segment.start, unit.segment.end) for unit in (*a, *b)}.values()
    half = overlap.seconds / 2
    moments = [overlap.middle + half * step / 20 for step in range(-20, 21)]
    moments += [edge for segment in segments for edge in segment if overlap.start <= edge <= overlap.end]

    def cost(at: float) -> tuple[int, int, int, float]:
        torn = sum(start < at < end for start, end in segments)
        said = sum(unit.start < at < unit.end for unit in (*a, *b))
        lost = sum(unit.middle > at for unit in a) + sum(unit.middle <= at for unit in b)
        return torn, said, lost, abs(at - overlap.middle)

    return min(moments, key=cost)
