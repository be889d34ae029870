"""What a server holds: memory, descriptors and threads of its processes, files of its own, pages. Linux only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

_DECODER = b"server.audio_in."
_KIB_PER_MIB = 1024


@dataclass(frozen=True, slots=True)
class Resources:
    """At one moment; memory (resident) in MiB, descriptors and threads of the API process and the worker."""

    api_mib: float
    worker_mib: float
    decoders_mib: float
    descriptors: int
    threads: int
    files: int


@dataclass(frozen=True, slots=True)
class Processes:
    """By what they do. ``worker`` is None while there is none."""

    api: int
    worker: int | None
    decoders: tuple[int, ...]


def processes(api: int) -> Processes:
    """Of the server with this process id."""
    children = [child for child, parent in _parents() if parent == api]
    decoders = tuple(child for child in children if _DECODER in _command(child))
    # The resource tracker of multiprocessing is a child as well, of few megabytes.
    others = sorted((child for child in children if child not in decoders), key=_resident)
    worker = others[-1] if others and b"spawn_main" in _command(others[-1]) else None
    return Processes(api, worker, decoders)


def resources(api: int, folder: Path) -> Resources:
    """Of the server with this process id, whose temporary files are in ``folder``."""
    found = processes(api)
    long_lived = [found.api, *([found.worker] if found.worker is not None else [])]
    return Resources(
        api_mib=_resident(found.api),
        worker_mib=_resident(found.worker) if found.worker is not None else 0.0,
        decoders_mib=sum(map(_resident, found.decoders)),
        descriptors=sum(_count(pid, "fd") for pid in long_lived),
        threads=sum(_count(pid, "task") for pid in long_lived),
        files=sum(1 for _ in folder.rglob("*")),
    )


def metrics(base: str) -> dict[str, float]:
    """The server's metrics by name and labels. Raises httpx.HTTPError."""
    lines = httpx.get(f"{base}/metrics", timeout=30).text.splitlines()
    pairs = [line.rpartition(" ") for line in lines if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in pairs}


def at_rest(base: str) -> bool:
    """Nothing is in work, and no page is held."""
    now = metrics(base)
    return not any(now[name] for name in ("asr_queue_requests", "asr_kv_pages_used", "asr_live_active_sessions"))


def _parents() -> Iterator[tuple[int, int]]:
    """Every process that is no zombie, with its parent."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(") ")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            yield int(stat.parent.name), int(parent)


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _resident(pid: int) -> float:
    """MiB; 0 of a process that is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    lines = [line.split() for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(lines[0][1]) / _KIB_PER_MIB if lines else 0.0


def _count(pid: int, what: str) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/{what}").iterdir())
    except OSError:
        return 0
