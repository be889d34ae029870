"""One call of ``eval``: transcribe what was not transcribed yet, count, tell."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from server.commandline.evaluate.material import Case, material
from server.commandline.evaluate.report import Evaluated, Heard, Report, read_report
from server.commandline.faults import Fault, Status
from server.commandline.transcribe.display import Display, clock, display_for, reporting
from server.commandline.transcribe.done import digest_of
from server.commandline.transcribe.hearing import Fields, Hearing, Recording, heard
from server.commandline.transcribe.opening import Place, opened
from server.commandline.transcribe.places import check_writable
from server.commandline.transcribe.wishes import WishFlags
from server.evaluation.figures import evaluate
from server.evaluation.reading import turns_of
from server.evaluation.rules import Rules

_FORMAT = "diarized_json"
_SAVE_SECONDS = 10.0
"""Work that a crash may cost, where transcripts come so fast that writing all of them each time would take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What was asked for; see the command's options."""

    names: Sequence[str]
    place: Place
    flags: WishFlags
    rules: Rules
    output: Path | None
    overwrite: bool
    bars: bool
    quiet: bool


async def evaluate_all(plan: Plan, show: Callable[[Report], None]) -> Status:
    """Do it, and show it. The status tells whether anything failed. Raises Fault."""
    fields = plan.flags.fields()
    found = await asyncio.to_thread(material, plan.names)
    if plan.output is not None:
        check_writable([plan.output])
    before = read_report(plan.output) if plan.output is not None and plan.output.exists() else None
    way = {"where": plan.place.server or "this process"}
    way |= {name: value for name, value in (*fields, *plan.place.here.items()) if value is not None}
    report = Report(plan.rules, way)
    display = display_for(quiet=plan.quiet, verbose=plan.place.verbose, bars=plan.bars)
    try:
        for name in found.bare:
            display.say(f"{name}: there is no reference beside it, so it is left out.")
        digests = {case.name: _digest(case, fields, plan.place) for case in found.cases}
        known = {} if before is None or plan.overwrite else before.found
        left = []
        for case in found.cases:
            if case.name in known and known[case.name].heard.digest == digests[case.name]:
                report.found[case.name] = _counted(case, known[case.name].heard, plan.rules)
            else:
                left.append(case)
        if done := len(found.cases) - len(left):
            display.say(f"{done} transcribed before; --overwrite does them again.")
        if left:
            async with opened(plan.place, display) as hearing:
                await _Run(plan, fields, digests, report, hearing, display).hear(left)
        report.found = {case.name: report.found[case.name] for case in found.cases if case.name in report.found}
        if plan.output is not None:
            report.save(plan.output)
    finally:
        display.close()
    show(report)
    return Status.FAILED if report.failed else Status.DONE


class _Run:
    """The transcription of what is left, recordings side by side."""

    def __init__(
        self, plan: Plan, fields: Fields, digests: dict[str, str], report: Report, hearing: Hearing, display: Display
    ) -> None:
        self._plan = plan
        self._fields = fields
        self._digests = digests
        self._report = report
        self._hearing = hearing
        self._display = display
        self._ended = self._saved = monotonic()

    async def hear(self, cases: Sequence[Case]) -> None:
        """All of them, whatever becomes of some. What there is stands in the file however it ends."""
        waiting = list(cases)[::-1]

        async def work() -> None:
            while waiting:
                await self._one(waiting.pop())

        async with reporting(self._display):
            workers = [asyncio.create_task(work()) for _ in range(min(self._plan.place.parallel, len(cases)))]
            try:
                await asyncio.gather(*workers)
            finally:
                for worker in workers:
                    worker.cancel()
                await asyncio.gather(*workers, return_exceptions=True)
                self._save(every=0.0)

    async def _one(self, case: Case) -> None:
        row, began = self._display.begin(case.name), monotonic()
        try:
            result = await heard(
                self._hearing, Recording(case.name, case.audio), self._fields, [_FORMAT], row, self._plan.place.wait
            )
        except Fault as fault:
            self._report.failed[case.name] = fault.message
            self._display.end(row, "")
            self._display.failed(f"{case.name}: {fault.message}")
            return
        now = monotonic()
        turns, spent = turns_of(result.formats[_FORMAT]), now - began
        found = Heard(self._digests[case.name], turns, result.seconds, spent, now - self._ended)
        self._ended = now
        self._report.found[case.name] = await asyncio.to_thread(_counted, case, found, self._plan.rules)
        self._display.end(row, f"{case.name}: {clock(result.seconds)} of audio in {clock(spent)}")
        self._save(every=_SAVE_SECONDS)

    def _save(self, every: float) -> None:
        if self._plan.output is not None and monotonic() - self._saved >= every:
            self._report.save(self._plan.output, whole=False)  # more may come
            self._saved = monotonic()


def _counted(case: Case, found: Heard, rules: Rules) -> Evaluated:
    own = Rules(case.language or rules.language, rules.collar, rules.word_collar)
    return Evaluated(found, evaluate(case.reference, found.turns, own))


def _digest(case: Case, fields: Fields, place: Place) -> str:
    """Of everything that decides what the transcript is."""
    looked = case.audio.stat()
    told = (digest_of(fields, {**place.here, "server": place.server}), looked.st_size, looked.st_mtime_ns)
    return hashlib.sha256(repr(told).encode()).hexdigest()[:32]
