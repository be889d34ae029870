"""Made cases stitched and scored, beside simple rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.seams.cases import stitched
from bench.seams.made import MadeCase, made_cases
from bench.seams.rules import RULES
from bench.seams.score import best_cut, score
from bench.support.report import Goal, Report
from server.transcript.segments import Segment

PAGE = Path(__file__).parents[2] / "docs" / "stitching.md"
_STITCHER = "the stitcher"


@dataclass(slots=True)
class _Sums:
    """What a rule did with all cases."""

    lost: int = 0
    doubled: int = 0
    linked: int = 0
    own: float = 0.0
    cases: int = 0
    told: int = field(default=0)

    def add(self, made: MadeCase, segments: Sequence[Segment]) -> None:
        scored = score(made, segments)
        self.cases += 1
        self.lost += scored.lost
        self.doubled += scored.doubled
        if made.told:
            self.told += 1
            self.linked += scored.linked
            self.own += scored.own

    def row(self, name: str, floor: int) -> list[str]:
        above = (self.lost + self.doubled - floor) / self.cases
        right, own = self.linked / max(self.told, 1), self.own / max(self.told, 1)
        return [name, str(self.lost), str(self.doubled), f"{above:.2f}", f"{right:.1%}", f"{own:.1%}"]


def measure(count: int, seed: int, *, record: bool) -> None:
    """Print the table and the goals."""
    sums = {name: _Sums() for name in (_STITCHER, *RULES)}
    floor = 0
    for made in made_cases(count, seed):
        floor += best_cut(made)
        for name, summed in sums.items():
            summed.add(made, RULES[name](made.case) if name in RULES else stitched(made.case))
    report = Report("seams")
    told = sums[_STITCHER].told
    report.say(
        f"{count} made cases (seed {seed}); in {told} of them words or voices tell who is who, and speakers "
        f"are counted there. The best single cuts lose and double {floor} words together."
    )
    report.table(
        ["rule", "words lost", "doubled", "above the best cut", "all speakers right", "words by the right speaker"],
        [summed.row(name, floor) for name, summed in sums.items()],
    )
    ours = sums[_STITCHER]
    others = min(summed.lost + summed.doubled for name, summed in sums.items() if name in RULES)
    report.goals(
        [
            Goal("seams-wrong-words-over-the-best-rule", (ours.lost + ours.doubled) / others, 0.9, at_least=False),
            Goal("seams-speakers-right", ours.linked / max(told, 1), 0.95),
        ]
    )
    if record:
        report.record(PAGE)
