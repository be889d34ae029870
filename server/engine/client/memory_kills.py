"""Whether the kernel has killed something because memory ran out, which nobody else says of a process that is gone."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
"""Of this container, where it has a count of its own, or else of the machine."""


def memory_kills() -> int | None:
    """How many there were so far; None where nobody counts."""
    for counter in _COUNTERS:
        with suppress(OSError, ValueError):
            for line in counter.read_text().splitlines():
                name, _, value = line.partition(" ")
                if name == "oom_kill":
                    return int(value)
    return None
