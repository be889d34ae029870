"""The arithmetic of the examination: what share of loops is found, how soon, and how many honest answers are called."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.loops.cases import Case, Truth, find_loop
from bench.support.report import Goal, Report, machine
from server.transcript.repetition import Loop, RepetitionGuard

PAGE = Path(__file__).parents[2] / "docs" / "loops.md"
SLACK = 40
"""Characters behind the end of a loop that ended by itself, in which a call still counts."""
RECALL, CALLED, DELAY = 98.0, 0.5, 300
"""Goals: per cent of loops found, of honest answers called, characters behind the fifth copy for nine of ten loops."""


class Outcome(StrEnum):
    """``EARLY``: called before it began. ``LATE``: called after it had ended by itself."""

    HIT = "hit"
    MISSED = "missed"
    EARLY = "early"
    LATE = "late"
    CLEAN = "clean"
    FALSE = "false alarm"


def judge(truth: Truth, at: int | None) -> Outcome:
    """What a call behind ``at`` characters, or None, is worth."""
    if truth.onset is None:
        return Outcome.CLEAN if at is None else Outcome.FALSE
    if at is None:
        return Outcome.MISSED
    if at < truth.onset:
        return Outcome.EARLY
    return Outcome.LATE if truth.end is not None and at > truth.end + SLACK else Outcome.HIT


@dataclass(frozen=True, slots=True)
class Result:
    """What the guard said of a case, and what that is worth."""

    case: Case
    truth: Truth
    loop: Loop | None
    outcome: Outcome

    @property
    def delay(self) -> int:
        """Characters from the beginning of the fifth copy to the call."""
        assert self.loop is not None
        assert self.truth.fifth is not None
        return self.loop.at - self.truth.fifth


def score(cases: Sequence[Case], *, shown: int = 0, record: bool = False) -> None:
    """Ask the guard about each case and print what is right, with up to ``shown`` that are not. All tell the truth.

    ``record``: into ``docs/loops.md``.
    """
    began = time.process_time()
    found = [find_loop(case) for case in cases]
    took = time.process_time() - began
    results = [
        Result(case, case.truth, loop, judge(case.truth, loop.at if loop else None))
        for case, loop in zip(cases, found, strict=True)
        if case.truth is not None
    ]
    characters = sum(loop.at if loop else len(case.answer) for case, loop in zip(cases, found, strict=True))
    report = Report("loops")
    report.say(machine())
    report.say(f"{len(cases)} answers; {1e6 * took / max(characters, 1):.2f} ms of CPU for 1,000 characters.")
    report.table(["kind", "answers", "right", "median delay", "wrong"], _by_kind(results))
    report.table(["held back of honest answers", "median", "99 %", "most"], _held(results))
    for result in [r for r in results if r.outcome not in (Outcome.HIT, Outcome.CLEAN)][:shown]:
        _show(result)
    report.goals(goals(results))
    if record:
        report.record(PAGE)


def _held(results: Sequence[Result]) -> list[list[str]]:
    """Characters and whole segments behind what is settled, after each character of an honest answer."""
    characters: list[int] = []
    segments: list[int] = []
    for case in (r.case for r in results if r.outcome is Outcome.CLEAN):
        guard, ends = RepetitionGuard(case.seconds), [0]
        for place, character in enumerate(case.answer, start=1):
            guard.feed(character)
            if character == "}":
                ends.append(place)
            characters.append(place - guard.settled)
            segments.append(len(ends) - bisect_right(ends, guard.settled))
    rows = []
    for name, held in (("characters", characters), ("segments", segments)):
        held.sort()
        if held:
            rows.append([name, *(f"{held[min(int(part * len(held)), len(held) - 1)]:,}" for part in (0.5, 0.99, 1))])
    return rows


def goals(results: Sequence[Result]) -> list[Goal]:
    """The goal lines, those that there are cases for."""
    loops = [r for r in results if r.truth.onset is not None]
    honest = [r for r in results if r.truth.onset is None]
    hits = sorted(r.delay for r in loops if r.outcome is Outcome.HIT)
    lines = []
    if loops:
        lines.append(Goal("loops-found-percent", 100 * len(hits) / len(loops), RECALL))
        early = sum(r.outcome is Outcome.EARLY for r in loops)
        lines.append(Goal("loops-called-before-they-began", early, 0, at_least=False))
    if hits:
        nine_of_ten = hits[min(len(hits) - 1, int(0.9 * len(hits)))]
        lines.append(Goal("characters-behind-fifth-copy-p90", nine_of_ten, DELAY, at_least=False))
    if honest:
        called = sum(r.outcome is Outcome.FALSE for r in honest)
        lines.append(Goal("honest-called-percent", 100 * called / len(honest), CALLED, at_least=False))
    return lines


def _by_kind(results: Sequence[Result]) -> list[list[str]]:
    kinds: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        kinds[result.truth.kind].append(result)
    rows = []
    for kind, some in sorted(kinds.items()):
        wrong = sorted(r.outcome for r in some if r.outcome not in (Outcome.HIT, Outcome.CLEAN))
        delays = sorted(r.delay for r in some if r.outcome is Outcome.HIT)
        middle = str(delays[len(delays) // 2]) if delays else ""
        rows.append([kind, str(len(some)), str(len(some) - len(wrong)), middle, ", ".join(wrong)])
    return rows


def _show(result: Result) -> None:
    at = result.loop.at if result.loop else result.truth.onset or 0
    text = result.case.answer[max(0, at - 300) : at + 60]
    print(f"{result.case.id}: {result.outcome}, {result.truth}, {result.loop}\n    {text!r}\n")
