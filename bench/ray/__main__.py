"""Two replicas on Ray Serve under load: one is killed, then both are replaced, then one has to become three.

    python -m bench.ray [--record]

With the environment that ``make ray`` makes. Clients upload, read event streams and speak meanwhile. What was on the
killed replica is lost, by Ray's proxy; nothing else may be. Ends with status 1 where a goal is missed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from time import monotonic

from bench.ray.cluster import RayServer, ray_server
from bench.support.report import OPERATIONS, Goal, Report, machine, parser
from bench.traffic.crowd import crowd
from bench.traffic.outcome import Outcome, Verdict, counted, faults

_PEOPLE = {"upload": 3, "stream": 3, "realtime": 1, "deepgram": 1}
_REPLICAS = 2
_AROUND = 5.0
"""Seconds of load before and after what happens."""
HEADER = ["", "seconds", "requests", "lost that were in flight", "lost of others", "wrong", "told to come back"]


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to the replicas, and what clients saw. ``at``: when; ``seconds``: until all was as before."""

    name: str
    at: float
    seconds: float
    outcomes: tuple[Outcome, ...]

    @property
    def in_flight(self) -> int:
        """Requests that were on their way then, and failed."""
        return sum(outcome.began <= self.at < outcome.ended for outcome in self._failed)

    @property
    def others(self) -> int:
        """Requests that failed though they began before or after."""
        return len(self._failed) - self.in_flight

    @property
    def _failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.verdict is Verdict.FAILED]

    @property
    def row(self) -> list[str]:
        verdicts = counted(self.outcomes)
        counts = len(self.outcomes), self.in_flight, self.others, verdicts[Verdict.WRONG], verdicts[Verdict.REFUSED]
        return [self.name, f"{self.seconds:.1f}", *map(str, counts)]


async def _under_load(server: RayServer, name: str, happen: Callable[[], Awaitable[None]]) -> Event:
    async with crowd(server.base, _PEOPLE) as clients:
        await asyncio.sleep(_AROUND)
        at = monotonic()
        await happen()
        seconds = monotonic() - at
        await asyncio.sleep(_AROUND)
    return Event(name, at, seconds, tuple(clients.outcomes))


async def _killed(server: RayServer) -> None:
    victim = server.kill_one()
    await asyncio.to_thread(server.wait_for, _REPLICAS, {victim})


async def _replaced(server: RayServer) -> None:
    old = server.replicas()
    await asyncio.to_thread(server.deploy, _REPLICAS, {"VIBEVOICE_MAX_REQUESTS": "100"})
    await asyncio.to_thread(server.wait_for, _REPLICAS, old)


def _events() -> list[Event]:
    with ray_server() as server:
        began = monotonic()
        server.deploy(_REPLICAS, {})
        server.wait_for(_REPLICAS, set())
        started = Event("both started", began, monotonic() - began, ())
        killed = asyncio.run(_under_load(server, "one killed", lambda: _killed(server)))
        replaced = asyncio.run(_under_load(server, "both replaced", lambda: _replaced(server)))
    return [started, killed, replaced]


def main() -> int:
    """Run it and print its table and goals. Returns the exit status."""
    options = parser(__doc__).parse_args()
    report = Report("ray")
    report.say(f"{machine()}, Ray {version('ray')}")
    events = _events()
    report.table(HEADER, [event.row for event in events])
    for fault in faults(outcome for event in events for outcome in event.outcomes):
        report.say(fault)
    _, killed, replaced = events
    lost = killed.others + replaced.others + replaced.in_flight
    wrong = sum(counted(event.outcomes)[Verdict.WRONG] for event in events)
    goals = [
        Goal("ray-lost-beyond-the-killed-replica", lost, 0, at_least=False),
        Goal("ray-wrong", wrong, 0, at_least=False),
    ]
    report.goals(goals)
    if options.record:
        report.record(OPERATIONS)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
