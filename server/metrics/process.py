"""What the server's processes have of the machine's memory, where the system tells (Linux)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from server.metrics.watched import Watched

_PROC = Path("/proc")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class ProcessesCollector(Collector):
    """Resident memory of the API process, the worker and the decoders.

    The API process reads it for all of them: nothing has to be sent, and a worker that hangs is seen too.
    """

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def collect(self) -> Iterator[Metric]:
        worker = self._watched.engine.worker_pid
        resident = {
            "api": _resident([os.getpid()]),
            "worker": _resident([] if worker is None else [worker]),
            "decoders": _resident(self._watched.decoders.pids),
        }
        family = GaugeMetricFamily(
            "asr_memory_resident_bytes", "Memory of the machine in use, by kind of process.", labels=["process"]
        )
        for process, size in resident.items():
            family.add_metric([process], size)
        yield family


def _resident(pids: Iterable[int]) -> int:
    """In bytes, of all of these together; those that are gone have none."""
    pages = 0
    for pid in pids:
        try:
            pages += int((_PROC / str(pid) / "statm").read_text().split()[1])
        except (OSError, IndexError):
            continue
    return pages * _PAGE
