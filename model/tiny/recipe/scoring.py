"""How far a transcript is from what was said: words, segment boundaries, speakers."""

import re
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]  # a segment as the answer's JSON has it

TOLERANCE = 0.25  # seconds


def words_of(text: str) -> list[str]:
    """Lower case, without punctuation."""
    return re.findall(r"[a-z0-9']+", text.lower())


def edits(reference: list[str], hypothesis: list[str]) -> int:
    """Substitutions, insertions and deletions between two lists of words."""
    row = list(range(len(hypothesis) + 1))
    for i, expected in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, got in enumerate(hypothesis, start=1):
            best = min(diagonal + (expected != got), row[j] + 1, row[j - 1] + 1)
            diagonal, row[j] = row[j], best
    return row[-1]


@dataclass
class Score:
    """Counts over recordings; add scores to pool them."""

    words: int = 0
    wrong_words: int = 0
    segments: int = 0
    bounded: int = 0
    attributed: int = 0
    tags: int = 0
    tags_found: int = 0
    recordings: int = 0
    unreadable: int = 0

    def __add__(self, other: "Score") -> "Score":
        mine, theirs = vars(self), vars(other)
        return Score(**{name: mine[name] + theirs[name] for name in mine})

    @property
    def word_error_rate(self) -> float:
        return self.wrong_words / max(1, self.words)

    @property
    def boundaries(self) -> float:
        return self.bounded / max(1, self.segments)

    @property
    def speakers(self) -> float:
        return self.attributed / max(1, self.segments)

    def __str__(self) -> str:
        tags = f", tags found {self.tags_found}/{self.tags}" if self.tags else ""
        broken = f", {self.unreadable} unreadable" if self.unreadable else ""
        return (
            f"WER {self.word_error_rate:6.1%} of {self.words} words, boundaries {self.boundaries:6.1%} and "
            f"speakers {self.speakers:6.1%} of {self.segments} segments{tags}{broken}"
        )


def _overlap(one: Entry, other: Entry) -> float:
    return float(min(one["End"], other["End"]) - max(one["Start"], other["Start"]))


def partner_of(segment: Entry, candidates: list[Entry]) -> Entry | None:
    """The candidate that shares most time with a segment."""
    best = max(candidates, key=lambda candidate: _overlap(segment, candidate), default=None)
    return best if best is not None and _overlap(segment, best) > 0 else None


def _is_tag(segment: Entry) -> bool:
    return str(segment["Content"]).startswith("[")


def _spoken(segments: list[Entry]) -> list[str]:
    return words_of(" ".join(segment["Content"] for segment in segments if not _is_tag(segment)))


def score(reference: list[Entry], hypothesis: list[Entry] | str) -> Score:
    """One recording. A hypothesis that is no list (the processor could not read it) has everything wrong."""
    found = hypothesis if isinstance(hypothesis, list) else []
    result = Score(recordings=1, unreadable=int(not isinstance(hypothesis, list)))
    expected_words = _spoken(reference)
    result.words, result.wrong_words = len(expected_words), edits(expected_words, _spoken(found))
    for segment in reference:
        partner = partner_of(segment, [entry for entry in found if _is_tag(entry) == _is_tag(segment)])
        if _is_tag(segment):
            result.tags += 1
            result.tags_found += partner is not None and partner["Content"] == segment["Content"]
            continue
        result.segments += 1
        if partner is not None:
            near = all(abs(partner[key] - segment[key]) <= TOLERANCE for key in ("Start", "End"))
            result.bounded += near
            result.attributed += partner.get("Speaker") == segment["Speaker"]
    return result
