"""Answers as the model writes them, for the guard."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence

from server.transcript.repetition import Loop, RepetitionGuard

SECONDS = 600.0


def segment(content: str, start: float = 0.0, end: float = 20.0, speaker: object = 0) -> str:
    fields = {"Start": round(start, 2), "End": round(end, 2), "Speaker": speaker, "Content": content}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def answer(*segments: str) -> str:
    return "[" + ",".join(segments)


def in_a_row(contents: Iterable[str], *, length: float, gap: float = 0.0, uneven: float = 0.0) -> str:
    """Segments that follow each other; ``uneven``: seconds that lengths differ by, as those of people do."""
    rng, clock, segments = random.Random(7), 0.0, []
    for content in contents:
        end = clock + length + rng.uniform(0, uneven)
        segments.append(segment(content, clock, end))
        clock = end + gap + rng.uniform(0, uneven / 4)
    return answer(*segments)


def find(text: str, *, seconds: float = SECONDS) -> Loop | None:
    return RepetitionGuard(seconds).feed(text)


def follow(text: str, cuts: Sequence[int], *, seconds: float = SECONDS) -> tuple[Loop | None, dict[int, int]]:
    """Feed a text in pieces that end at ``cuts``: the loop, and what was settled behind each piece."""
    guard = RepetitionGuard(seconds)
    settled: dict[int, int] = {}
    begun = 0
    for cut in [*sorted(cuts), len(text)]:
        loop = guard.feed(text[begun:cut])
        if loop is not None:
            return loop, settled
        settled[cut] = guard.settled
        begun = cut
    return None, settled
