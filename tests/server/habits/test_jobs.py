"""Jobs in the real checkpoint's tokens, in windows: restarted within one, run in circles in one, left and followed."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server.habits.conftest import LONG_SECONDS, LONG_TALK, LONG_WAV, Habitual, assert_sound, assert_told
from tests.server.http.test_disconnects import assert_all_given_back, connection, request
from tests.server.http.test_jobs import done, events
from tests.support.habits import SLOWLY, Cure, Habit, command
from tests.support.scripted_server import PATIENCE

TOLD = [turn.text for turn in LONG_TALK]
TEXT = " ".join(TOLD)
IN_SECOND_WINDOW = 7
"""Segments; the first window closes five."""
ROUNDING = 0.03
"""Seconds: the script hears in fortieths of one, and a window behind what was told begins elsewhere."""


def submit(server: Habitual, prompt: str, **fields: object) -> str:
    answer = server.post(prompt, LONG_WAV, background="true", **fields)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    job: str = answer.json()["id"]
    return job


def result(server: Habitual, job: str, response_format: str) -> Any:
    answer = server.client.get(f"/v1/jobs/{job}/result", params={"response_format": response_format})
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def deltas(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in told if event["type"] == "transcript.text.delta"]


def asked_again(caplog: pytest.LogCaptureFixture) -> bool:
    return any(record.message == "an answer runs in circles" for record in caplog.records)


def assert_idle(server: Habitual) -> None:
    """Nothing of anybody stays in the engine, and who comes next is heard."""
    server.running.wait_for(lambda: not server.running.service.engine.admission.requests, "no place is taken")
    held = [server.running.metric(f"asr_{name}") for name in ("active_streams", "waiting_streams", "kv_pages_used")]
    assert not any(held)
    assert server.post("nothing special", LONG_WAV).json()["text"] == TEXT


@pytest.mark.parametrize("streamed", ["true", "false"])
def test_who_leaves_while_the_answer_is_asked_again_leaves_nothing(
    server: Habitual, caplog: pytest.LogCaptureFixture, streamed: str
) -> None:
    prompt = SLOWLY + command(Habit.WORDS, Cure.NEVER, turn=1)
    with caplog.at_level(logging.INFO), connection(server.running) as client:
        client.sendall(request(LONG_WAV, prompt=prompt, stream=streamed))
        server.running.wait_for(lambda: asked_again(caplog), "it is asked again")
    assert_all_given_back(server.running)
    assert_idle(server)


def test_a_job_that_is_cancelled_while_it_is_asked_again_leaves_nothing(
    server: Habitual, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        job = submit(server, SLOWLY + command(Habit.FROZEN, Cure.NEVER, turn=1))
        server.running.wait_for(lambda: asked_again(caplog), "it is asked again")
        assert server.client.post(f"/v1/jobs/{job}/cancel").json()["status"] == "cancelled"
    assert_all_given_back(server.running)
    assert_idle(server)


def put_back(server: Habitual) -> None:
    """What a server that stops does to the job that it has in work; here the same one takes it again."""
    jobs = server.running.service.jobs
    assert jobs is not None
    (number,) = jobs._running._running
    loop = jobs._tasks[0].get_loop()
    asyncio.run_coroutine_threadsafe(jobs._running.stop(number), loop).result(PATIENCE)


def frames(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Number and data of each event."""
    number = 0
    for line in lines:
        name, _, value = line.partition(": ")
        if name == "id":
            number = int(value)
        elif name == "data":
            yield {"number": number} | json.loads(value)


def taken_up_again(server: Habitual, job: str, segments: int) -> list[dict[str, Any]]:
    """What was told of it when it was put back, behind so many segments."""
    heard: list[dict[str, Any]] = []
    with server.client.stream("GET", f"/v1/jobs/{job}/events") as stream:
        for event in frames(stream.iter_lines()):
            heard.append(event)
            if len(deltas(heard)) == segments:
                break
    put_back(server)
    return heard


def test_one_that_is_taken_up_again_goes_on_within_its_window(server: Habitual) -> None:
    """Nothing told is taken back, no word is lost or comes twice, everybody keeps his number."""
    job = submit(server, SLOWLY, response_format="diarized_json")
    heard = taken_up_again(server, job, IN_SECOND_WINDOW)
    told = events(server.running, job)
    assert deltas(told)[:IN_SECOND_WINDOW] == deltas(heard)
    rest = events(server.running, job, headers={"last-event-id": str(heard[-1]["number"])})
    assert deltas(heard) + deltas(rest) == deltas(told)
    assert "".join(event["delta"] for event in deltas(told)) == TEXT == told[-1]["text"]
    assert done(server.running, job)["progress"]["segments"] == len(TOLD)
    again, whole = result(server, job, "verbose_json"), server.post("nothing special", LONG_WAV).json()
    assert again["text"] == whole["text"] == TEXT
    assert again["notes"] == whole["notes"]
    for one, other in zip(again["segments"], whole["segments"], strict=True):
        assert (one["text"], one["speaker"]) == (other["text"], other["speaker"])
        assert one["start"] == pytest.approx(other["start"], abs=ROUNDING)
        assert one["end"] == pytest.approx(other["end"], abs=ROUNDING)


@pytest.mark.parametrize("segments", [4, IN_SECOND_WINDOW], ids=["in its window", "behind it"])
def test_what_an_earlier_try_found_is_told(server: Habitual, segments: int) -> None:
    """A loop of the first window, and what was done about it."""
    prompt = SLOWLY + command(Habit.FROZEN, Cure.NEVER, turn=1)
    job = submit(server, prompt)
    taken_up_again(server, job, segments)
    assert done(server.running, job)["status"] == "completed"
    again, whole = result(server, job, "verbose_json"), server.post(prompt, LONG_WAV).json()
    assert again["text"] == whole["text"]
    assert again["repetitions"] == whole["repetitions"] != []
    assert again["notes"] == whole["notes"]


@pytest.mark.parametrize(
    ("habit", "cure"),
    [(Habit.WORDS, Cure.TEMPERATURE), (Habit.FROZEN, Cure.NEVER), (Habit.CUT_WORD, Cure.NEVER)],
)
def test_a_job_tells_of_a_bad_window_what_a_request_is_told(server: Habitual, habit: Habit, cure: Cure) -> None:
    """Notes, repetitions and doubts as well, in every format that has them."""
    prompt = command(habit, cure, turn=7)
    whole = server.post(prompt, LONG_WAV).json()
    job = submit(server, prompt, response_format="srt")
    done(server.running, job)
    told = result(server, job, "verbose_json")
    assert told == whole
    assert_told(told["text"], [*TOLD[:7], *TOLD[10:]])
    assert_sound(told["segments"], LONG_SECONDS)
    if habit is not Habit.CUT_WORD:
        assert told["repetitions"]
    streamed = deltas(events(server.running, job))
    assert "".join(event["delta"] for event in streamed) == told["text"]
