"""One long recording through a server of its own, over HTTP, with its segments read as they come."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from io import BufferedReader, FileIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx

from bench.long.material import Talk
from bench.support import service
from bench.traffic.resources import at_rest, processes

_KIB_PER_MIB = 1024
_AROUND = 6.0
"""Seconds around a seam, in which its losses and doubles lie: as far as segments' times are wrong."""
_MOST_OVERLAP = 20.0
"""Seconds that two windows have in common at most. What stands in front of a window makes it longer in the log."""
_UPLOAD_LIMIT = 4 * 2**30
_FIRSTS = 5
"""Requests whose first segments are timed."""
_LOOK_SECONDS, _PATIENCE = 0.2, 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What became of a talk.

    Attributes:
        seconds: from the request to the end of the answer.
        first_segment: from the end of the upload to the first segment: the middle of several requests, for it is short.
        api_mib, worker_mib: the most memory that the processes ever had.
        segments: as the events have them.
        notes: what the server says is wrong with it.
        seams: stretches around where two windows meet, in seconds.
    """

    talk: Talk
    seconds: float
    first_segment: float
    api_mib: float
    worker_mib: float
    segments: Sequence[dict[str, Any]]
    notes: Sequence[str]
    seams: Sequence[tuple[float, float]]


def run(talk: Talk, folder: Path, flags: Sequence[str], *, threads: int) -> Run:
    """Raises httpx.HTTPError, and RuntimeError where the answer is none. ``flags``: of the server.

    All requests but the last one leave when they have their first segment.
    """
    log = folder / "server.log"
    limits = ("--max-audio-seconds", f"{talk.seconds + 60:.0f}", "--max-upload-bytes", str(_UPLOAD_LIMIT))
    queue = ("--max-queued-audio-seconds", f"{2 * talk.seconds + 60:.0f}")
    with service.running_server(*limits, *queue, *flags, threads=threads, log=log) as server:
        firsts = [_first_segment(server.base, talk.file) for _ in range(_FIRSTS - 1)]
        logged = log.stat().st_size
        began, first, segments, done = time.perf_counter(), 0.0, list[dict[str, Any]](), dict[str, Any]()
        with _Upload(talk.file) as upload:
            for event in _events(server.base, upload):
                if event["type"] == "transcript.text.segment":
                    first = first or upload.since
                    segments.append(event)
                elif event["type"] == "transcript.text.done":
                    done = event
        seconds = time.perf_counter() - began
        if not done:
            raise RuntimeError("the answer broke off")
        found = processes(server.pid)
        memory = [_peak_mib(pid) for pid in (found.api, found.worker) if pid is not None]
    first = statistics.median([*firsts, first])
    seams = _seams(log.read_bytes()[logged:], talk.seconds)
    return Run(talk, seconds, first, memory[0], memory[1], segments, done.get("notes", []), seams)


def _first_segment(base: str, file: Path) -> float:
    """Seconds until it is there; the rest is not waited for, and the server is at rest again."""
    with _Upload(file) as upload, closing(_events(base, upload)) as events:
        if not any(event["type"] == "transcript.text.segment" for event in events):
            raise RuntimeError("there is no segment")
        first = upload.since
    deadline = time.monotonic() + _PATIENCE
    while not at_rest(base):
        if time.monotonic() > deadline:
            raise RuntimeError("what nobody waits for any more is still in work")
        time.sleep(_LOOK_SECONDS)
    return first


class _Upload(BufferedReader):
    """A file that knows when its last byte was read: how long an upload takes is the network's affair."""

    def __init__(self, file: Path) -> None:
        super().__init__(FileIO(file))
        self._read_at = time.perf_counter()

    @property
    def since(self) -> float:
        """Seconds."""
        return time.perf_counter() - self._read_at

    def read(self, size: int | None = -1, /) -> bytes:
        self._read_at = time.perf_counter()
        return super().read(size)


def _events(base: str, upload: _Upload) -> Generator[dict[str, Any]]:
    fields = {"model": "whisper-1", "response_format": "diarized_json", "stream": "true"}
    url = f"{base}/v1/audio/transcriptions"
    with httpx.stream("POST", url, files={"file": upload}, data=fields, timeout=None, verify=False) as response:
        response.raise_for_status()
        for line in response.iter_lines():
            if not line.startswith("data: {"):
                continue
            event = json.loads(line.removeprefix("data: "))
            if event["type"] == "error":
                raise RuntimeError(event["error"]["message"])
            yield event


def _peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / _KIB_PER_MIB


def _seams(log: bytes, seconds: float) -> list[tuple[float, float]]:
    """By the windows that the server logs: from before one begins until after the one in front of it has ended."""
    lines = (json.loads(line) for line in log.splitlines() if line.startswith(b"{"))
    windows = sorted((line["start"], line["start"] + line["seconds"]) for line in lines if line["message"] == "window")
    return [
        (max(0.0, start - _AROUND), min(seconds, min(max(start, end), start + _MOST_OVERLAP) + _AROUND))
        for (_, end), (start, _) in pairwise(windows)
    ]
