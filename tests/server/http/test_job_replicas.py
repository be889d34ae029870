"""Two servers with one folder: any answers for any job, each job is done by one, and goes on when that one stops."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from tests.server.http.conftest import tone
from tests.server.http.test_jobs import done, events, submit
from tests.support.resuming_runner import ResumingRunner, answer_of
from tests.support.scripted_server import RunningServer, running_server

TALK = [{"Start": place, "End": place + 1, "Speaker": place % 2, "Content": f"Number {place}."} for place in range(16)]
RECORDING = tone(float(len(TALK)))
TEXT = " ".join(str(said["Content"]) for said in TALK)


def replica(folder: Path, seconds: float, **more: Any) -> Any:
    runner = partial(ResumingRunner, usual=answer_of(TALK), step_seconds=seconds)
    return running_server(runner, jobs_folder=folder, **more)


def segments(server: RunningServer, job: str) -> int:
    found: int = httpx.get(f"{server.url}/v1/jobs/{job}").json()["progress"]["segments"]
    return found


def test_any_server_answers_and_another_goes_on(tmp_path: Path) -> None:
    with replica(tmp_path, 0.0) as quick:
        assert quick.service.jobs is not None
        quick.service.jobs._running._most = 0  # all is left to the slow one
        with replica(tmp_path, 0.01) as slow:
            assert slow.service.jobs is not None
            job = submit(slow, RECORDING).json()["id"]
            slow.wait_for(lambda: segments(quick, job) >= 3, "some of it is done")
            assert slow.service.jobs.running == 1
            slow.stop()
        now = httpx.get(f"{quick.url}/v1/jobs/{job}").json()
        assert (now["status"], now["progress"]["segments"] >= 3) == ("queued", True)
        before = events_so_far(quick, job, now["progress"]["segments"])
        quick.service.jobs._running._most = 2
        told = [event for event in events(quick, job) if event["type"] == "transcript.text.delta"]
        assert "".join(event["delta"] for event in told) == TEXT
        assert told[: len(before)] == before, "what was told is not taken back"
        assert done(quick, job)["status"] == "completed"
        assert httpx.get(f"{quick.url}/v1/jobs/{job}/result").json()["text"] == TEXT
        assert quick.metric("asr_jobs_ended_total", status="completed") == 1


def events_so_far(server: RunningServer, job: str, segments: int) -> list[dict[str, Any]]:
    """What a reader gets of a job that waits."""
    told: list[dict[str, Any]] = []
    with httpx.stream("GET", f"{server.url}/v1/jobs/{job}/events", timeout=60) as stream:
        number = 0
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "id":
                number = int(value)
            elif name == "data" and (event := json.loads(value))["type"] == "transcript.text.delta":
                told.append({"number": number} | event)
                if len(told) == segments:
                    return told
    raise AssertionError("the stream ended")


def test_jobs_are_shared_out_and_each_is_done_once(tmp_path: Path) -> None:
    with replica(tmp_path, 0.0) as one, replica(tmp_path, 0.0) as other:
        jobs = [submit((one, other)[number % 2], RECORDING).json()["id"] for number in range(6)]
        for number, job in enumerate(jobs):
            assert done((other, one)[number % 2], job)["progress"]["segments"] == len(TALK)

        def ended() -> float:
            return float(sum(server.metric("asr_jobs_ended_total", status="completed") for server in (one, other)))

        one.wait_for(lambda: ended() >= len(jobs), "all are counted")
        assert ended() == len(jobs)
        key = {"idempotency-key": "k"}
        assert submit(other, RECORDING, headers=key).json()["id"] == submit(one, RECORDING, headers=key).json()["id"]
