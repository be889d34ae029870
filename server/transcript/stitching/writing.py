"""The words that are kept, as segments again: those of the windows where they are whole, else put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from server.transcript.logprobs import TextLogprobs, seen
from server.transcript.probabilities import Probabilities
from server.transcript.segments import Segment
from server.transcript.stitching.seam import MEETING, Kept, Seam
from server.transcript.stitching.units import Unit
from server.transcript.word_breaks import lead_between

_LONGEST: Final = 60.0
"""Seconds of a segment that is put together. The model's own are shorter, and where windows are one segment each they
would never end."""


def written(seam: Seam) -> list[Segment]:
    """Segments in order. A segment that both windows cut goes on behind the cut as the same one."""
    groups: list[list[Kept]] = [[unit] for unit in seam.kept[:1]]
    for before, unit in pairwise(seam.kept):
        if _goes_on(before, unit, seam) and _fits(groups[-1][0], before, unit):
            groups[-1].append(unit)
        else:
            groups.append([unit])
    return [_segment(group) for group in groups]


def _goes_on(before: Kept, behind: Kept, seam: Seam) -> bool:
    """Whether two units stand in one segment: as the window has it that has both, or as neither ended there."""
    one, other = before.unit, behind.unit
    if before.late == behind.late:
        return one.segment is other.segment
    if one.segment.speaker != other.segment.speaker or one.segment.channel != other.segment.channel:
        return False
    pairs = ((before.a, behind.a), (before.b, behind.b))
    together = [one.segment is other.segment for one, other in pairs if one is not None and other is not None]
    if together:
        return all(together)
    return seam.torn or not (_ended(before, seam) or _began(behind, seam))


def _fits(first: Kept, before: Kept, behind: Kept) -> bool:
    """Whether a segment that goes on in the other window is not too long for one."""
    return before.late == behind.late or behind.unit.segment.end - first.unit.start <= _LONGEST


def _ended(kept: Kept, seam: Seam) -> bool:
    """Whether its segment ends with a unit, and not only its window while the other one goes on."""
    cut = not kept.late and kept.b is not None and kept.unit.segment.end > seam.overlap.end - MEETING
    return kept.unit.last and not cut


def _began(kept: Kept, seam: Seam) -> bool:
    """Whether its segment begins with a unit, and not only its window."""
    cut = kept.late and kept.a is not None and kept.unit.segment.start < seam.overlap.start + MEETING
    return kept.unit.place == 0 and not cut


def _segment(group: Sequence[Kept]) -> Segment:
    first, last = group[0].unit, group[-1].unit
    parts = _parts(group)
    if len(parts) == 1 and first.place == 0 and last.last:
        return first.segment
    text = first.text
    for kept in group[1:]:
        unit = kept.unit
        text += (unit.lead if unit.place else lead_between(text, unit.text)) + unit.text
    end = last.segment.end if last.last else last.end
    start = first.segment.start if first.place == 0 else first.start
    weights = [len(part) for part in parts]
    means = [part[0].segment.avg_logprob for part in parts]
    mean = None
    if all(value is not None for value in means):
        mean = sum((value or 0.0) * weight for value, weight in zip(means, weights, strict=True)) / sum(weights)
    logprobs = _logprobs(parts)
    return replace(
        first.segment,
        start=start,
        end=max(start, end),
        text=text,
        avg_logprob=mean,
        tokens=(),
        logprobs=logprobs,
        probabilities=_probabilities(parts),
    )


def _parts(group: Sequence[Kept]) -> list[list[Unit]]:
    """Stretches that stand in one source, one behind the other."""
    parts: list[list[Unit]] = []
    for kept in group:
        unit = kept.unit
        if parts and parts[-1][-1].segment is unit.segment and parts[-1][-1].place + 1 == unit.place:
            parts[-1].append(unit)
        else:
            parts.append([unit])
    return parts


def _probabilities(parts: Sequence[Sequence[Unit]]) -> Probabilities:
    """Of each part those of its source, as far as they are known."""
    found, length = Probabilities(), 0
    for part in parts:
        first, last = part[0].before, part[-1].before + seen(part[-1].text)
        if (source := part[0].segment.probabilities) is not None:
            found = found.followed(source.part(first, last), length)
        length += last - first
    return found


def _logprobs(parts: Sequence[Sequence[Unit]]) -> TextLogprobs | None:
    """Of each part those of its source that carry it; None where some have none."""
    found, length = TextLogprobs(), 0
    for part in parts:
        source = part[0].segment.logprobs
        if source is None:
            return None
        end = part[-1].before + seen(part[-1].text)
        found = found.followed(source.part(part[0].before, end), length)
        length += end - part[0].before
    return found
