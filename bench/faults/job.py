"""One long job whose worker is killed again and again: is its transcript the one of a job that nobody disturbed?

    python -m bench.faults.job [--minutes 30] [--kills 50] [--deaths 5] [--record]

On the bundled checkpoint, with the bundled conversation again and again, in windows. The worker gets SIGKILL at random
moments: each time a while after the next one was ready, spread over what the job takes by itself. A third job loses its
whole server, as often as ``--deaths`` says, and is taken up by the next. Ends with status 1 where a goal is missed. A
worker needs some seconds to start, so that fifty kills are minutes beside the job itself.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile  # type: ignore[import-untyped]

from bench.support.report import OPERATIONS, Goal, Report, machine, parser
from bench.support.service import RunningServer, running_server
from bench.traffic.resources import processes

_PATIENCE = 3600.0
_LOOK = 0.05
_TALK = Path(__file__).parents[2] / "model" / "tiny" / "samples" / "long.flac"
_WINDOW_MINUTES = "1.2"
"""The bundled checkpoint hears no more well."""


@dataclass(frozen=True, slots=True)
class Done:
    """A job that is done: what it answered, in how many seconds, and how often somebody was killed meanwhile."""

    answer: dict[str, Any]
    seconds: float
    kills: int


class _Job:
    """One that was submitted."""

    def __init__(self, http: httpx.Client, place: str) -> None:
        self._http = http
        self.place = place

    @classmethod
    def submitted(cls, http: httpx.Client, recording: Path) -> _Job:
        with recording.open("rb") as file:
            accepted = http.post(
                "/v1/audio/transcriptions",
                params={"background": "true"},
                data={"response_format": "diarized_json"},
                files={"file": (recording.name, file)},
            )
        accepted.raise_for_status()
        return cls(http, accepted.json()["links"]["self"])

    def state(self) -> dict[str, Any]:
        told: dict[str, Any] = self._http.get(self.place).json()
        return told

    @property
    def ended(self) -> bool:
        return self.state()["status"] not in ("queued", "in_progress")

    def result(self) -> dict[str, Any]:
        answer = self._http.get(f"{self.place}/result")
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told


def _recording(minutes: float, folder: Path) -> Path:
    """The bundled conversation again and again, until so many minutes are full."""
    samples, rate = soundfile.read(_TALK, dtype="float32")
    place = folder / "talk.flac"
    soundfile.write(place, np.resize(samples, round(minutes * 60 * rate)), rate)
    return place


def _wait(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(_LOOK)


def _undisturbed(http: httpx.Client, recording: Path) -> Done:
    began = time.monotonic()
    job = _Job.submitted(http, recording)
    _wait(lambda: job.ended)
    return Done(job.result(), time.monotonic() - began, 0)


def _disturbed(http: httpx.Client, server: RunningServer, recording: Path, kills: int, usual: float) -> Done:
    """``usual``: seconds that the job takes by itself, over which the kills are spread."""
    chance = random.Random(0)
    began, done = time.monotonic(), 0
    job = _Job.submitted(http, recording)
    while done < kills and not job.ended:
        _wait(lambda: http.get("/ready").status_code == httpx.codes.OK or job.ended)
        time.sleep(chance.uniform(0, 2 * usual / (kills + 1)))
        if (worker := processes(server.pid).worker) is not None and not job.ended:
            os.kill(worker, signal.SIGKILL)
            done += 1
            _wait(lambda killed=worker: processes(server.pid).worker != killed)  # type: ignore[misc]
    _wait(lambda: job.ended)
    return Done(job.result(), time.monotonic() - began, done)


def _taken_up(folder: str, recording: Path, deaths: int, usual: float) -> Done:
    """The server and all of its processes get SIGKILL, at moments that are spread over ``usual`` seconds."""
    chance = random.Random(1)
    began, place = time.monotonic(), ""
    for death in range(deaths + 1):
        with _server(folder) as server, httpx.Client(base_url=server.base, timeout=600, verify=False) as http:
            job = _Job(http, place) if place else _Job.submitted(http, recording)
            place = job.place
            if death < deaths:
                time.sleep(chance.uniform(0, 2 * usual / (deaths + 1)))
            if death == deaths or job.ended:
                _wait(lambda job=job: job.ended)  # type: ignore[misc]
                return Done(job.result(), time.monotonic() - began, death)
            os.kill(server.pid, signal.SIGKILL)  # its children follow it
    raise AssertionError("the last one is not killed")


def _server(folder: str) -> AbstractContextManager[RunningServer]:
    return running_server("--jobs-folder", f"{folder}/jobs", "--window-minutes", _WINDOW_MINUTES)


def main() -> int:
    """Run the jobs and compare them. Returns the exit status."""
    command = parser(__doc__)
    command.add_argument("--minutes", type=float, default=30.0)
    command.add_argument("--kills", type=int, default=50)
    command.add_argument("--deaths", type=int, default=5, help="of the whole server")
    options = command.parse_args()
    report = Report("job")
    report.say(machine())
    with tempfile.TemporaryDirectory() as folder:
        recording = _recording(options.minutes, Path(folder))
        with (
            _server(folder) as server,
            httpx.Client(base_url=server.base, timeout=600, verify=False) as http,
        ):
            quiet = _undisturbed(http, recording)
            report.say(f"Undisturbed: {quiet.seconds:.0f} s, {len(quiet.answer['segments'])} segments.")
            loud = _disturbed(http, server, recording, options.kills, quiet.seconds)
        late = _taken_up(folder, recording, options.deaths, quiet.seconds)
    report.say(f"Its worker killed {loud.kills} times: {loud.seconds:.0f} s, {len(loud.answer['segments'])} segments.")
    report.say(f"Its server killed {late.kills} times: {late.seconds:.0f} s, {len(late.answer['segments'])} segments.")
    goals = [
        Goal("job-kills", loud.kills, options.kills),
        Goal("job-same-transcript", float(loud.answer == quiet.answer), 1),
        Goal("job-deaths", late.kills, options.deaths),
        Goal("job-same-transcript-after-deaths", float(late.answer == quiet.answer), 1),
    ]
    report.goals(goals)
    if options.record:
        report.record(OPERATIONS)
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main())
