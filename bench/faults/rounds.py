"""One fault after the other on one server, under load, and how long it takes to be well again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import monotonic

import httpx

from bench.support.report import percentiles
from bench.support.service import RunningServer
from bench.traffic.crowd import Crowd, crowd
from bench.traffic.outcome import Outcome, Verdict, counted

Fault = Callable[[int], Awaitable[None]]
"""Does harm; it is given the number of the round."""
PEOPLE = {"upload": 5, "stream": 3, "realtime": 1, "deepgram": 1}
"""Who is on the server meanwhile: all of them wait for what they are owed."""
_WELL = 300.0
"""Seconds in which a server has to be well again."""
_BETWEEN = 6
"""Answers between two faults."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """What came of the rounds.

    Attributes:
        recoveries: from each fault until /ready is green again and somebody has an answer, in seconds.
        outcomes: of everybody but the culprit.
    """

    fault: str
    recoveries: tuple[float, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def row(self) -> list[str]:
        """For the table of `HEADER`."""
        verdicts = counted(self.outcomes)
        half, most = percentiles(self.recoveries, 50, 100)
        return [
            self.fault,
            str(len(self.recoveries)),
            str(len(self.outcomes)),
            *(str(verdicts[verdict]) for verdict in (Verdict.FAILED, Verdict.WRONG, Verdict.REFUSED)),
            f"{half:.1f}",
            f"{most:.1f}",
        ]


HEADER = ["fault", "rounds", "requests", "failed", "wrong", "told to come back", "well after, p50, s", "most"]


async def rounds(
    server: RunningServer, name: str, fault: Fault, count: int, people: Mapping[str, int] = PEOPLE
) -> Rounds:
    """``count`` times: let the crowd work, do harm, wait until all is well. Raises TimeoutError where it never is."""
    recoveries = []
    async with crowd(server.base, people) as clients:
        for number in range(count):
            await _answers(clients, _BETWEEN)
            began = monotonic()
            await fault(number)
            await _ready(server.base)
            await _answers(clients, 1)
            recoveries.append(monotonic() - began)
    return Rounds(name, tuple(recoveries), tuple(clients.outcomes))


async def _answers(clients: Crowd, count: int) -> None:
    """Until so many more requests are answered."""
    wanted = counted(clients.outcomes)[Verdict.ANSWERED] + count
    async with asyncio.timeout(_WELL):
        while counted(clients.outcomes)[Verdict.ANSWERED] < wanted:  # noqa: ASYNC110 - outcomes come one by one
            await asyncio.sleep(0.05)


async def _ready(base: str) -> None:
    async with asyncio.timeout(_WELL), httpx.AsyncClient(base_url=base, verify=False) as http:
        while (await http.get("/ready", timeout=_WELL)).status_code != httpx.codes.OK:  # noqa: ASYNC110 - as balancers do
            await asyncio.sleep(0.05)
