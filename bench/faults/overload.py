"""Three times as many requests as the server can answer: what becomes of those it answers, and of the others."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import httpx

from bench.support.report import Goal, percentiles
from bench.support.service import RunningServer
from bench.traffic.crowd import crowd
from bench.traffic.files import PATIENCE, FileClients, recordings
from bench.traffic.outcome import Outcome, Verdict, counted

_CLIENTS = 8
"""Who keep the server busy without overloading it."""
_TIMES = 3
_REFUSED_WITHIN = 0.05


@dataclass(frozen=True, slots=True)
class Overload:
    """``capacity``, ``goodput``: answers a second, of clients in a loop and under the overload."""

    capacity: float
    goodput: float
    outcomes: tuple[Outcome, ...]

    @property
    def rows(self) -> list[list[str]]:
        """For the table of `HEADER`: what the answered and the refused waited, in seconds."""
        verdicts = counted(self.outcomes)
        rows = []
        for verdict in (Verdict.ANSWERED, Verdict.REFUSED, Verdict.FAILED):
            seconds = [outcome.seconds for outcome in self.outcomes if outcome.verdict is verdict] or [0.0]
            waits = [f"{value:.3f}" for value in percentiles(seconds, 50, 95, 100)]
            rows.append([verdict.value, str(verdicts[verdict]), *waits])
        return rows

    @property
    def goals(self) -> list[Goal]:
        refused = [outcome.seconds for outcome in self.outcomes if outcome.verdict is Verdict.REFUSED] or [0.0]
        (late,) = percentiles(refused, 95)
        return [
            Goal("goodput-at-3x-over-capacity", self.goodput / self.capacity, 0.9),
            Goal("overload-failed", counted(self.outcomes)[Verdict.FAILED], 0, at_least=False),
            Goal("refusals-p95-over-50-ms", late / _REFUSED_WITHIN, 1.0, at_least=False),
        ]


HEADER = ["", "requests", "p50, s", "p95, s", "most, s"]


async def overload(server: RunningServer, seconds: float) -> Overload:
    """Measure the capacity for ``seconds``, and then what is left of it for as long."""
    async with crowd(server.base, {"upload": _CLIENTS}) as clients:
        await asyncio.sleep(seconds)
        capacity = counted(clients.outcomes)[Verdict.ANSWERED] / seconds
    outcomes, goodput = await _flood(server, _TIMES * capacity, seconds)
    return Overload(capacity, goodput, tuple(outcomes))


async def _flood(server: RunningServer, rate: float, seconds: float) -> tuple[Sequence[Outcome], float]:
    """``rate`` requests a second, whatever becomes of them. Returns all outcomes, and answers a second meanwhile."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=256)
    async with httpx.AsyncClient(base_url=server.base, timeout=PATIENCE, limits=limits, verify=False) as http:
        files = FileClients(http, recordings())
        await files.learn()
        chance, requests, began = random.Random(0), list[asyncio.Task[Outcome]](), monotonic()
        while (due := len(requests) / rate) < seconds:
            await asyncio.sleep(began + due - monotonic())
            requests.append(asyncio.create_task(files.upload(random.Random(chance.random()))))
        flooded = monotonic()
        outcomes = await asyncio.gather(*requests)
    answered = [outcome for outcome in outcomes if outcome.verdict is Verdict.ANSWERED and outcome.ended <= flooded]
    return outcomes, len(answered) / (flooded - began)
