"""Jobs as clients have them: accepted, followed, asked for, cancelled, and nobody else's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import KEY, OTHER_KEY, assert_envelope, full_engine
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SEGMENTS, TEXT, SpeakingRunner, endless_answer

PATH = "/v1/audio/transcriptions"
FORMATS = ("json", "text", "srt", "vtt", "lrc", "verbose_json", "diarized_json")


def submit(
    server: RunningServer,
    wav: bytes,
    query: str = "",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    return httpx.post(
        f"{server.url}{PATH}{query}",
        files={"file": ("meeting one.wav", wav)},
        data={"background": "true"} | fields,
        headers=headers,
        timeout=PATIENCE,
    )


def done(server: RunningServer, job: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The job, once it has ended."""
    found: dict[str, Any] = {}

    def ended() -> bool:
        nonlocal found
        found = httpx.get(f"{server.url}/v1/jobs/{job}", headers=headers, timeout=PATIENCE).json()
        return found["status"] not in ("queued", "in_progress")

    server.wait_for(ended, "the job ends")
    return found


def events(server: RunningServer, job: str, **asked: Any) -> list[dict[str, Any]]:
    """Number and data of every event until the stream ends."""
    answer = httpx.get(f"{server.url}/v1/jobs/{job}/events", timeout=PATIENCE, **asked)
    assert answer.status_code == 200, answer.text
    told = []
    for frame in answer.text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in frame.splitlines() if line and not line.startswith(":"))
        if "data" in fields:
            told.append({"number": int(fields["id"])} | json.loads(fields["data"]))
    return told


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Two keys, one job at a time, a model that takes some time."""
    with running_server(
        partial(SpeakingRunner, step_seconds=0.004),
        jobs_folder=tmp_path_factory.mktemp("jobs"),
        jobs_name="north",
        max_jobs_running=1,
        max_jobs_queued=3,
        max_requests=2,
        loop_guard=False,  # its long answers are loops
        api_keys=(KEY, OTHER_KEY),
    ) as running:
        yield running


OWN = {"authorization": f"Bearer {KEY}"}
OTHERS = {"authorization": f"Bearer {OTHER_KEY}"}


def test_a_job_is_accepted_at_once_and_done(server: RunningServer, wav: bytes) -> None:
    accepted = submit(server, wav)
    assert accepted.status_code == 202, accepted.text
    job = accepted.json()
    assert job["object"] == "transcription.job"
    assert job["status"] in ("queued", "in_progress")
    assert job["filename"] == "meeting one.wav"
    assert accepted.headers["location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
    ended = done(server, job["id"])
    assert ended["status"] == "completed"
    assert ended["progress"] == {
        "audio_seconds": 3.0,
        "audio_seconds_done": 3.0,
        "segments": len(SEGMENTS),
        "seconds_left": None,
    }
    assert ended["finished_at"] >= ended["started_at"] >= ended["created_at"]
    assert httpx.get(f"{server.url}{job['links']['result']}").json()["text"] == TEXT


@pytest.mark.parametrize("wanted", FORMATS)
def test_the_result_in_any_format_is_what_a_request_is_answered(server: RunningServer, wav: bytes, wanted: str) -> None:
    options = {"response_format": wanted, "max_line_width": "20"}
    plain = httpx.post(f"{server.url}{PATH}", files={"file": wav}, data=options, timeout=PATIENCE)
    job = submit(server, wav, response_format="srt").json()["id"]
    done(server, job)
    result = httpx.get(f"{server.url}/v1/jobs/{job}/result", params=options)
    assert result.status_code == 200, result.text
    assert result.headers["content-type"] == plain.headers["content-type"]
    assert result.text == plain.text


def test_the_result_comes_as_the_job_asked_for_it(server: RunningServer, wav: bytes) -> None:
    plain = httpx.post(
        f"{server.url}{PATH}", files={"file": wav}, data={"include[]": "logprobs"}, timeout=PATIENCE
    ).json()
    job = submit(server, wav, "", None, **{"include[]": "logprobs"}).json()["id"]
    done(server, job)
    result = f"{server.url}/v1/jobs/{job}/result"
    assert httpx.get(result).json() == plain
    assert httpx.get(result, params={"response_format": "text"}).text.strip() == TEXT
    words = httpx.get(result, params={"response_format": "verbose_json", "timestamp_granularities[]": "word"}).json()
    assert words["words"]
    rttm = httpx.get(result, params={"response_format": "rttm"}).text
    assert rttm.splitlines()[0] == "SPEAKER meeting_one 1 0.000 1.200 <NA> <NA> SPEAKER_00 <NA> <NA>"


def test_options_that_the_job_did_not_come_with(server: RunningServer, wav: bytes) -> None:
    job = submit(server, wav).json()["id"]
    done(server, job)
    result = f"{server.url}/v1/jobs/{job}/result"
    assert_envelope(httpx.get(result, params={"include[]": "logprobs"}), 400, "invalid_value", "include")
    assert_envelope(httpx.get(result, params={"response_format": "pdf"}), 400, "invalid_value", "response_format")


def test_known_speakers_are_named_in_every_place(server: RunningServer, wav: bytes) -> None:
    clip = "data:audio/wav;base64," + base64.b64encode(wav).decode()
    known: dict[str, Any] = {
        "known_speaker_names[]": "Ada",
        "known_speaker_references[]": clip,
        "response_format": "diarized_json",
    }
    plain = httpx.post(f"{server.url}{PATH}", files={"file": wav}, data=known, timeout=PATIENCE).json()
    job = submit(server, wav, **known).json()["id"]
    done(server, job)
    assert httpx.get(f"{server.url}/v1/jobs/{job}/result").json() == plain


def test_channels_are_transcribed_each_for_itself(server: RunningServer, wav: bytes) -> None:
    fields: dict[str, Any] = {"channels": "split", "response_format": "verbose_json"}
    plain = httpx.post(f"{server.url}{PATH}", files={"file": wav}, data=fields, timeout=PATIENCE).json()
    job = submit(server, wav, **fields).json()["id"]
    done(server, job)
    assert httpx.get(f"{server.url}/v1/jobs/{job}/result").json() == plain


def test_events_are_those_of_a_stream_and_can_be_resumed(server: RunningServer, wav: bytes) -> None:
    job = submit(server, wav, response_format="diarized_json").json()["id"]
    live = [event for event in events(server, job) if not event["type"].endswith("progress")]
    done(server, job)
    late = events(server, job)
    assert [event for event in late if not event["type"].endswith("progress")] == live
    deltas = "".join(event["delta"] for event in live if event["type"] == "transcript.text.delta")
    assert deltas == TEXT == live[-1]["text"]
    spoken = [event for event in live if event["type"] == "transcript.text.segment"]
    assert [event["speaker"] for event in spoken] == ["A", "B", "A"]
    assert [event["number"] for event in live] == sorted({event["number"] for event in live})
    progress = [event for event in late if event["type"].endswith("progress")]
    assert progress[-1]["status"] == "completed"
    for place, seen in enumerate(live):
        rest = events(server, job, headers={"last-event-id": str(seen["number"])}) if seen is not live[-1] else []
        assert [event for event in rest if not event["type"].endswith("progress")] == live[place + 1 :]


def test_who_has_heard_the_last_event_is_told_not_to_ask_again(server: RunningServer, wav: bytes) -> None:
    job = submit(server, wav).json()["id"]
    last = events(server, job)[-1]["number"]
    url = f"{server.url}/v1/jobs/{job}/events"
    assert httpx.get(url, headers={"last-event-id": str(last)}).status_code == 204
    assert_envelope(httpx.get(url, headers={"last-event-id": "-1"}), 400, "invalid_value", "last-event-id")


def test_a_recording_that_is_kept_can_be_listened_to(server: RunningServer, wav: bytes) -> None:
    job = submit(server, wav).json()["id"]
    url = f"{server.url}{done(server, job)['links']['audio']}"
    whole = httpx.get(url)
    assert (whole.status_code, whole.content) == (200, wav)
    assert whole.headers["content-type"].startswith("audio/")
    assert whole.headers["content-disposition"] == "inline; filename*=utf-8''meeting%20one.wav"
    assert whole.headers["accept-ranges"] == "bytes"
    size = len(wav)
    for asked, part in (
        ("bytes=0-99", range(100)),
        ("bytes=100-", range(100, size)),
        ("bytes=-100", range(size - 100, size)),
        (f"bytes=0-{size}0", range(size)),
        (f"Bytes={size - 1}-{size - 1}", range(size - 1, size)),
    ):
        answer = httpx.get(url, headers={"range": asked, "if-range": whole.headers["etag"]})
        assert (answer.status_code, answer.content) == (206, wav[part.start : part.stop]), asked
        assert answer.headers["content-range"] == f"bytes {part.start}-{part.stop - 1}/{size}"
        assert answer.headers["content-length"] == str(len(part))
    for ignored in ("bytes=5-4", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "nonsense"):
        assert httpx.get(url, headers={"range": ignored}).content == wav, ignored
    assert httpx.get(url, headers={"range": "bytes=0-1", "if-range": '"another"'}).content == wav
    for none in (f"bytes={size}-", "bytes=-0"):
        answer = httpx.get(url, headers={"range": none})
        assert_envelope(answer, 416, "range_not_satisfiable", "range")
        assert answer.headers["content-range"] == f"bytes */{size}"
    httpx.delete(f"{server.url}/v1/jobs/{job}")
    assert_envelope(httpx.get(url), 404, "job_not_found")


def test_what_somebody_calls_a_page_is_none(server: RunningServer) -> None:
    form = {"file": ("page.html", b"<script>alert(1)</script>", "text/html")}
    job = httpx.post(f"{server.url}{PATH}", files=form, data={"background": "true"}).json()["id"]
    done(server, job)
    answer = httpx.get(f"{server.url}/v1/jobs/{job}/audio")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_recording_that_is_none_fails_its_job(server: RunningServer) -> None:
    job = submit(server, b"no audio").json()["id"]
    assert done(server, job)["status"] == "failed"
    error = httpx.get(f"{server.url}/v1/jobs/{job}").json()["error"]
    assert (error["code"], error["param"]) == ("unsupported_format", "file")
    assert_envelope(httpx.get(f"{server.url}/v1/jobs/{job}/result"), 409, "unsupported_format", "file")
    assert "error" in httpx.get(f"{server.url}/v1/jobs/{job}/events").text


def test_what_is_wrong_is_told_at_once(server: RunningServer, wav: bytes) -> None:
    assert_envelope(submit(server, wav, temperature="7"), 400, "invalid_value", "temperature")
    assert_envelope(submit(server, wav, webhook_url="https://a.example"), 400, "webhook_not_allowed", "webhook_url")
    assert_envelope(submit(server, wav, "?background=maybe"), 400, "invalid_value", "background")
    assert submit(server, wav, "?background=null", background="").json()["text"]
    in_query = submit(server, wav, "?background=true", background="", webhook_url="https://a.example")
    assert_envelope(in_query, 400, "webhook_not_allowed", "webhook_url")
    assert_envelope(
        httpx.post(f"{server.url}{PATH}", files={"file": wav}, data={"webhook_url": "https://a.example"}),
        400,
        "invalid_value",
        "webhook_url",
    )
    assert_envelope(
        submit(server, wav, headers={"idempotency-key": "k" * 256}), 400, "invalid_value", "idempotency-key"
    )
    assert_envelope(httpx.get(f"{server.url}/v1/jobs/job_none"), 404, "job_not_found")
    assert_envelope(httpx.get(f"{server.url}/v1/jobs/{'job_' + 24 * '0'}/events"), 404, "job_not_found")
    assert_envelope(httpx.get(f"{server.url}/v1/jobs?limit=0"), 400, "invalid_value", "limit")
    assert_envelope(httpx.get(f"{server.url}/v1/jobs?after=job_x"), 404, "job_not_found")


def test_json_makes_a_job_too(server: RunningServer, wav: bytes) -> None:
    audio = base64.b64encode(wav).decode()
    accepted = httpx.post(f"{server.url}{PATH}", json={"file": audio, "background": True}, timeout=PATIENCE)
    assert accepted.status_code == 202
    assert done(server, accepted.json()["id"])["status"] == "completed"


def test_the_same_request_is_the_same_job(server: RunningServer, wav: bytes) -> None:
    key = {"idempotency-key": '"monday"'}
    first = submit(server, wav, headers=key)
    again = submit(server, wav, headers={"idempotency-key": "monday"})
    assert first.json()["id"] == again.json()["id"]
    assert "idempotency-replayed" not in first.headers
    assert (again.status_code, again.headers["idempotency-replayed"]) == (202, "true")
    assert_envelope(submit(server, wav, headers=key, language="de"), 422, "idempotency_key_reused")
    assert_envelope(submit(server, wav[:-2], headers=key), 422, "idempotency_key_reused")
    assert submit(server, wav).json()["id"] != first.json()["id"]


def test_a_server_without_a_folder_takes_none(slow_server: RunningServer, wav: bytes) -> None:
    assert_envelope(submit(slow_server, wav), 404, "jobs_not_enabled")
    assert_envelope(httpx.get(f"{slow_server.url}/v1/jobs"), 404, "jobs_not_enabled")


def test_jobs_are_their_keys_alone(slow: RunningServer, wav: bytes) -> None:
    job = submit(slow, wav, headers=OWN).json()["id"]
    for method, place in (
        ("GET", ""),
        ("GET", "/events"),
        ("GET", "/result"),
        ("GET", "/audio"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        answer = httpx.request(method, f"{slow.url}/v1/jobs/{job}{place}", headers=OTHERS)
        assert_envelope(answer, 404, "job_not_found")
    assert job not in httpx.get(f"{slow.url}/v1/jobs", headers=OTHERS).text
    assert_envelope(httpx.get(f"{slow.url}/v1/jobs?after={job}", headers=OTHERS), 404, "job_not_found")
    assert_envelope(httpx.get(f"{slow.url}/v1/jobs"), 401, "invalid_api_key")
    assert done(slow, job, OWN)["status"] == "completed"
    key = OWN | {"idempotency-key": "k"}
    first, foreign = submit(slow, wav, headers=key), submit(slow, wav, headers=OTHERS | {"idempotency-key": "k"})
    assert first.json()["id"] != foreign.json()["id"]
    done(slow, first.json()["id"], OWN)
    done(slow, foreign.json()["id"], OTHERS)


def test_a_grant_opens_no_jobs(slow: RunningServer) -> None:
    secret = httpx.post(f"{slow.url}/v1/realtime/client_secrets", headers=OWN, json={}).json()["value"]
    answer = httpx.get(f"{slow.url}/v1/jobs", headers={"authorization": f"Bearer {secret}"})
    assert_envelope(answer, 403, "insufficient_scope")


def test_a_job_of_other_servers_is_said_to_be_there(slow: RunningServer) -> None:
    answer = httpx.get(f"{slow.url}/v1/jobs/job_south_{24 * '0'}", headers=OWN)
    assert_envelope(answer, 421, "job_elsewhere")
    assert "south" in answer.text
    assert_envelope(httpx.get(f"{slow.url}/v1/jobs/job_north_{24 * '0'}", headers=OWN), 404, "job_not_found")


def test_a_job_in_work_is_not_done_yet_and_can_be_cancelled(slow: RunningServer, wav: bytes) -> None:
    job = submit(slow, wav, headers=OWN, prompt=endless_answer()).json()["id"]
    url = f"{slow.url}/v1/jobs/{job}"
    slow.wait_for(lambda: httpx.get(url, headers=OWN).json()["status"] == "in_progress", "it is in work")
    assert_envelope(httpx.get(f"{url}/result", headers=OWN), 409, "job_not_completed")
    audio = httpx.get(f"{url}/audio", headers=OWN | {"range": "bytes=4-9"})
    assert (audio.status_code, audio.content) == (206, wav[4:10]), "it is there as long as it is needed"
    slow.wait_for(lambda: slow.metric("asr_active_streams") == 1, "the model works on it")
    cancelled = httpx.post(f"{url}/cancel", headers=OWN).json()
    assert cancelled["status"] == "cancelled"
    slow.wait_for(lambda: slow.metric("asr_active_streams") == 0, "the model is told")
    assert_envelope(httpx.get(f"{url}/result", headers=OWN), 409, "job_cancelled")
    assert httpx.post(f"{url}/cancel", headers=OWN).json()["finished_at"] == cancelled["finished_at"]
    assert httpx.get(url, headers=OWN).json()["links"]["audio"] is None
    assert_envelope(httpx.get(f"{url}/audio", headers=OWN), 410, "recording_gone")
    assert "job_cancelled" in httpx.get(f"{url}/events", headers=OWN).text
    gone = httpx.delete(url, headers=OWN)
    assert gone.json() == {"id": job, "object": "transcription.job.deleted", "deleted": True}
    assert_envelope(httpx.get(url, headers=OWN), 404, "job_not_found")


def test_a_busy_server_takes_jobs_and_keeps_them_until_there_is_time(slow: RunningServer, wav: bytes) -> None:
    with full_engine(slow):
        assert_envelope(submit(slow, wav, headers=OWN), 429, "overloaded")  # its body says so too late
        accepted = [submit(slow, wav, "?background=true", headers=OWN, background="") for _ in range(3)]
        assert [each.status_code for each in accepted] == [202, 202, 202]
        assert {job["status"] for job in listed(slow)[:3]} == {"queued"}
        slow.wait_for(lambda: slow.metric("asr_jobs", status="queued") == 3, "they are counted")
        assert slow.metric("asr_jobs_bytes") >= 3 * len(wav)
        assert_envelope(submit(slow, wav, "?background=1", headers=OWN), 429, "too_many_jobs")
    for each in accepted:
        assert done(slow, each.json()["id"], OWN)["status"] == "completed"


def listed(server: RunningServer, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{server.url}/v1/jobs", params=query, headers=OWN).json()["data"]
    return found


def test_jobs_are_listed_page_by_page(slow: RunningServer, wav: bytes) -> None:
    made = [submit(slow, wav, headers=OWN, prompt="[]").json()["id"] for _ in range(3)]
    for job in made:
        done(slow, job, OWN)
    assert [job["id"] for job in listed(slow, limit=3)] == made[::-1]
    assert [job["id"] for job in listed(slow, limit=1, after=made[2])] == [made[1]]
    assert [job["id"] for job in listed(slow, order="asc", after=made[0])] == made[1:]
    assert {job["status"] for job in listed(slow, status="completed")} == {"completed"}
    page = httpx.get(f"{slow.url}/v1/jobs", params={"limit": 1}, headers=OWN).json()
    assert (page["object"], page["first_id"], page["last_id"], page["has_more"]) == ("list", made[2], made[2], True)


def test_requests_go_before_jobs(slow: RunningServer, wav: bytes) -> None:
    job = submit(slow, wav, headers=OWN, prompt=endless_answer()).json()["id"]
    slow.wait_for(lambda: slow.metric("asr_active_streams") == 1, "the model works on it")
    answer = httpx.post(f"{slow.url}{PATH}", files={"file": wav}, headers=OWN, timeout=PATIENCE)
    assert answer.json()["text"] == TEXT
    assert httpx.get(f"{slow.url}/v1/jobs/{job}", headers=OWN).json()["status"] == "in_progress"
    httpx.delete(f"{slow.url}/v1/jobs/{job}", headers=OWN)


def test_a_full_disk_is_said(wav: bytes, tmp_path: Path) -> None:
    with running_server(jobs_folder=tmp_path, jobs_bytes=len(wav) - 1) as server:
        assert_envelope(submit(server, wav), 503, "insufficient_storage")
        assert [*(tmp_path / "recordings").iterdir()] == []
        assert submit(server, wav[: len(wav) // 2]).status_code == 202
