"""Which requests kill workers: found by the steps that they were in when one died. Knows no process and no clock.

Who was in two dead steps is suspect and runs alone for once. If the worker dies again it was that one, which is refused
for a while. Who gets past the place where the worker died was not the cause. A worker that is killed from outside says
hardly anything of its requests: an operator did it, or a program that watches over the machine's memory. So many more
such deaths are needed, and a request that is killed for ever is still refused at last.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

SUSPECT_DEATHS, REFUSED_DEATHS = 2, 3
"""Deaths after which a stream runs alone, and is refused."""
OUTSIDE_DEATHS = 8
"""So many that came from outside count for one."""
PAST = 16
"""So many steps, and tokens, behind the place where a worker died, or the answer's end, and it was not this stream."""
REFUSED_SECONDS = 600.0
"""What has killed workers is not taken again for this long; what was near one that died is remembered as long."""
_MOST = 1024
"""Requests that are remembered; the oldest is forgotten first."""


@dataclass(slots=True)
class _Record:
    deaths: float
    place: int
    until: float


class Quarantine:
    """By key: a request's fingerprint, or whatever else tells it from all others."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """``clock``: monotonic seconds."""
        self._clock = clock
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def suspect(self, key: Hashable) -> bool:
        """It has to run alone."""
        return self._deaths(key) >= SUSPECT_DEATHS

    def refused(self, key: Hashable) -> bool:
        """It is known to kill workers."""
        return self._deaths(key) >= REFUSED_DEATHS

    def blame(self, places: Mapping[Hashable, int], *, alone: bool, outside: bool = False) -> bool:
        """A worker died over these, which had got so many tokens of their answers.

        ``alone``: it is one that ran by itself. Nobody is found guilty in company. ``outside``: somebody else killed
        the worker. Returns whether the cause is found, which is refused from now on.
        """
        for key, place in places.items():
            deaths = self._deaths(key) + (1 / OUTSIDE_DEATHS if outside else 1)
            record = _Record(deaths if alone else min(deaths, SUSPECT_DEATHS), place, self._clock() + REFUSED_SECONDS)
            if (before := self._records.pop(key, None)) is not None:
                record.place = max(place, before.place)
            self._records[key] = record
            if len(self._records) > _MOST:
                self._records.popitem(last=False)
        return any(self.refused(key) for key in places)

    def passed(self, key: Hashable, given: int) -> bool:
        """With so many tokens of its answer it is past the place where a worker died."""
        return key not in self._records or given >= self._records[key].place + PAST

    def acquit(self, key: Hashable) -> None:
        """It got past the place where a worker died."""
        self._records.pop(key, None)

    def _deaths(self, key: Hashable) -> float:
        record = self._records.get(key)
        if record is not None and record.until <= self._clock():
            del self._records[key]
            record = None
        return 0 if record is None else record.deaths
