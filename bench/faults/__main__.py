"""Faults under load, each of them twenty times: who loses anything, and how soon is all well again?

    python -m bench.faults [--only kill hang decoders ...] [--rounds 20] [--record]

On the bundled checkpoint, with clients beside who upload, read event streams and speak. ``kill`` and ``hang``: SIGKILL
and SIGSTOP to the worker. ``decoders``: SIGKILL to all of them. ``disk``: the temporary folder is full (root alone can
mount one). ``poison``, ``raises``: a request that ends the worker, or raises in the step, each time it is computed.
``leavers``: 10,000 requests whose clients leave. ``overload``: three times as many requests as can be answered. Ends
with status 1 where a goal is missed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.faults import harm, overload
from bench.faults.rounds import HEADER, Rounds, rounds
from bench.support.report import OPERATIONS, Goal, Report, machine, parser
from bench.support.service import RunningServer, running_server
from bench.traffic.crowd import crowd
from bench.traffic.outcome import Outcome, Verdict, counted, faults
from bench.traffic.resources import at_rest, metrics, resources

_HOW = {
    "kill": lambda server: harm.to_worker(server, signal.SIGKILL),
    "hang": lambda server: harm.to_worker(server, signal.SIGSTOP),
    "decoders": lambda server: harm.to_decoders(server, signal.SIGKILL),
}
_CULPRITS = ("poison", "raises")
_LEAVERS = {"leaver": 24, "live leaver": 8}
_OVERLOAD_SECONDS = 45.0
_DISK_MIB = 64
_REST_SECONDS = 60.0
_MOST_DEATHS = 3


@contextmanager
def _small_disk() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK_MIB}m", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def _nobody_lost(name: str, outcomes: tuple[Outcome, ...]) -> list[Goal]:
    verdicts = counted(outcomes)
    lost = verdicts[Verdict.FAILED] + verdicts[Verdict.WRONG]
    return [Goal(f"{name}-others-lost", lost, 0, at_least=False)]


def _signals(name: str, count: int) -> tuple[Rounds, list[Goal]]:
    with running_server() as server:
        done = asyncio.run(rounds(server, name, _HOW[name](server), count))
    return done, _nobody_lost(name, done.outcomes)


def _disk(count: int) -> tuple[Rounds, list[Goal]]:
    with _small_disk() as folder, running_server(environment={"TMPDIR": str(folder)}) as server:
        done = asyncio.run(rounds(server, "disk", harm.full_disk(folder), count))
    return done, _nobody_lost("disk", done.outcomes)


def _culprit(name: str, count: int) -> tuple[Rounds, list[Goal]]:
    with running_server(module="bench.faults.server") as server:
        culprit = harm.Culprit(server, kills=name == "poison")
        done = asyncio.run(rounds(server, name, culprit.harm, count))
        deaths = metrics(server.base)["asr_worker_restarts_total"] / count
    return done, [
        *_nobody_lost(name, done.outcomes),
        Goal(f"{name}-refused-for-good", culprit.refused / count, 1),
        Goal(f"{name}-deaths-each", deaths, _MOST_DEATHS if name == "poison" else 0, at_least=False),
    ]


def _rounds(name: str, count: int) -> tuple[Rounds, list[Goal]]:
    if name == "disk":
        return _disk(count)
    return _culprit(name, count) if name in _CULPRITS else _signals(name, count)


async def _leave(server: RunningServer, folder: Path, count: int) -> list[Goal]:
    async with crowd(server.base, _LEAVERS) as clients:  # once for whatever is set up lazily
        await _left(clients.outcomes, count // 10)
    await _rest(server)
    before = resources(server.pid, folder)
    async with crowd(server.base, _LEAVERS, seed=1) as clients:
        await _left(clients.outcomes, count)
    await _rest(server)
    after = resources(server.pid, folder)
    return [
        Goal("leavers", len(clients.outcomes), count),
        Goal("leavers-descriptors-more", after.descriptors - before.descriptors, 4, at_least=False),
        Goal("leavers-files-left", after.files - before.files, 0, at_least=False),
        Goal("leavers-api-memory-after-over-before", after.api_mib / before.api_mib, 1.1, at_least=False),
    ]


async def _left(outcomes: list[Outcome], count: int) -> None:
    while len(outcomes) < count:  # noqa: ASYNC110 - outcomes come one by one
        await asyncio.sleep(0.1)


async def _rest(server: RunningServer) -> None:
    async with asyncio.timeout(_REST_SECONDS):
        while not await asyncio.to_thread(at_rest, server.base):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


def _leavers(count: int) -> list[Goal]:
    with tempfile.TemporaryDirectory() as folder, running_server(environment={"TMPDIR": folder}) as server:
        return asyncio.run(_leave(server, Path(folder), count))


def _overload(report: Report) -> list[Goal]:
    with running_server("--max-requests", "32") as server:
        seen = asyncio.run(overload.overload(server, _OVERLOAD_SECONDS))
    report.say(f"Overload: {seen.capacity:.1f} answers a second alone, {seen.goodput:.1f} under three times as many.")
    report.table(overload.HEADER, seen.rows)
    return seen.goals


def main() -> int:
    """Run the faults and print their tables and goals. Returns the exit status."""
    every = [*_HOW, *_CULPRITS, *(["disk"] if os.geteuid() == 0 else []), "leavers", "overload"]
    command = parser(__doc__)
    command.add_argument("--only", nargs="+", choices=every, default=every)
    command.add_argument("--rounds", type=int, default=20)
    options = command.parse_args()
    report, goals, done = Report("faults"), list[Goal](), list[Rounds]()
    report.say(machine())
    for name in options.only:
        if name == "leavers":
            goals += _leavers(500 * options.rounds)
        elif name == "overload":
            goals += _overload(report)
        else:
            finished, wanted = _rounds(name, options.rounds)
            done.append(finished)
            goals += wanted
            print(" | ".join(finished.row), *faults(finished.outcomes), sep="\n", flush=True)
    if done:
        report.table(HEADER, [finished.row for finished in done])
    report.goals(goals)
    if options.record:
        report.record(OPERATIONS)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
