"""Mixed traffic for a long time: is every answer right, and does anything grow?

    python -m bench.soak [--minutes 60] [--record]

Uploads, event streams, live sessions of both protocols, files that nobody can decode and clients that leave at any
moment, all at once on the bundled checkpoint. Memory is compared between the middle and the last third of the time, for
caches fill in the first; descriptors, threads, temporary files and pages at rest, before the traffic and after it. Ends
with status 1 where a goal is missed.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from bench.support.report import OPERATIONS, Goal, Report, machine, parser, percentiles
from bench.support.service import RunningServer, running_server
from bench.traffic.crowd import crowd
from bench.traffic.outcome import TABLE_HEADER, Outcome, Verdict, counted, faults, table_rows
from bench.traffic.resources import Resources, at_rest, resources

_LOOKS = 240
"""Times that the server's memory is looked at."""
_REST_SECONDS = 60.0
_SPARE_DESCRIPTORS = 4
"""Decoders are started when they are first needed, and replaced now and then: a pipe and its files more or less."""
_MEMORY_GROWTH = 1.05


async def _traffic(server: RunningServer, folder: Path, seconds: float) -> tuple[list[Outcome], list[Resources]]:
    """What the clients saw, and what the server held meanwhile, from one look to the next."""
    looks: list[Resources] = []
    async with crowd(server.base) as clients:
        end = monotonic() + seconds
        while monotonic() < end:
            looks.append(await asyncio.to_thread(resources, server.pid, folder))
            await asyncio.sleep(seconds / _LOOKS)
    return clients.outcomes, looks


async def _rested(server: RunningServer, folder: Path) -> Resources:
    """What it holds when nothing is in work. Raises TimeoutError where something stays in work."""
    async with asyncio.timeout(_REST_SECONDS):
        while not await asyncio.to_thread(at_rest, server.base):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.2)
    return resources(server.pid, folder)


async def _soak(report: Report, minutes: float) -> list[Goal]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with running_server(environment={"TMPDIR": name}) as server:
            warm, _ = await _traffic(server, folder, seconds=min(60.0, minutes * 12))
            before = await _rested(server, folder)
            outcomes, looks = await _traffic(server, folder, minutes * 60)
            after = await _rested(server, folder)
    report.say(f"{machine()}: {minutes:g} minutes after a warm-up, {len(outcomes)} requests")
    report.table(TABLE_HEADER, table_rows(outcomes))
    for fault in faults([*warm, *outcomes])[:10]:
        report.say(fault)
    _held(report, looks, before, after)
    return _goals([*warm, *outcomes], looks, before, after)


def _held(report: Report, looks: Sequence[Resources], before: Resources, after: Resources) -> None:
    rows = []
    for what in ("api_mib", "worker_mib", "decoders_mib", "descriptors", "threads", "files"):
        values = [float(getattr(look, what)) for look in looks]
        first, middle, last = (f"{value:.0f}" for value in _thirds(values))
        (most,) = percentiles(values, 100)
        rest = f"{getattr(before, what):.0f}", f"{getattr(after, what):.0f}"
        rows.append([what.replace("_mib", ", MiB"), *rest, first, middle, last, f"{most:.0f}"])
    report.table(["", "rest before", "rest after", "first third", "middle", "last third", "most"], rows)


def _thirds(values: Sequence[float]) -> tuple[float, float, float]:
    """The median of each third."""
    third = len(values) // 3
    first, middle, last = values[:third], values[third : 2 * third], values[2 * third :]
    return statistics.median(first), statistics.median(middle), statistics.median(last)


def _goals(outcomes: Sequence[Outcome], looks: Sequence[Resources], before: Resources, after: Resources) -> list[Goal]:
    verdicts = counted(outcomes)
    goals = [
        Goal("requests-failed", verdicts[Verdict.FAILED], 0, at_least=False),
        Goal("answers-wrong", verdicts[Verdict.WRONG], 0, at_least=False),
    ]
    for what in ("api_mib", "worker_mib"):
        _, middle, last = _thirds([getattr(look, what) for look in looks])
        name = f"{what.removesuffix('_mib')}-memory-last-third-over-middle"
        goals.append(Goal(name, last / middle, _MEMORY_GROWTH, at_least=False))
    return [
        *goals,
        Goal("descriptors-more", after.descriptors - before.descriptors, _SPARE_DESCRIPTORS, at_least=False),
        Goal("threads-more", after.threads - before.threads, _SPARE_DESCRIPTORS, at_least=False),
        Goal("files-left", after.files - before.files, 0, at_least=False),
    ]


def main() -> int:
    """Run the soak and print its tables and goals. Returns the exit status."""
    command = parser(__doc__)
    command.add_argument("--minutes", type=float, default=60.0)
    options = command.parse_args()
    report = Report("soak")
    goals = asyncio.run(_soak(report, options.minutes))
    report.goals(goals)
    if options.record:
        report.record(OPERATIONS)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
