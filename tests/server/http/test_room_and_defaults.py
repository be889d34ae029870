"""What a server says that it has room for, and how it answers where a request leaves that to it."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from server.engine.capacity import LENGTHS
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

PATH = "/v1/audio/transcriptions"


@pytest.fixture(scope="module")
def quiet() -> Iterator[RunningServer]:
    """A server that tells of no sounds, and hears long recordings in short windows."""
    with running_server(tag_audio_events=False, window_minutes=1.0, max_rows=4, max_live_sessions=3) as running:
        yield running


def segments(server: RunningServer, wav: bytes, **fields: str) -> list[str]:
    form = {"response_format": "verbose_json"} | fields
    answer = httpx.post(f"{server.url}{PATH}", files={"file": wav}, data=form, timeout=PATIENCE)
    return [segment["text"] for segment in answer.json()["segments"]]


def test_the_servers_default_counts_where_a_request_does_not_say(quiet: RunningServer, wav: bytes) -> None:
    assert "[Silence]" not in segments(quiet, wav)
    assert segments(quiet, wav, tag_audio_events="true")[1] == "[Silence]"
    assert "[Silence]" in segments(quiet, wav, tag_audio_events="true", response_format="diarized_json")
    captions = {"response_format": "srt", "tag_audio_events": "1"}
    answer = httpx.post(f"{quiet.url}{PATH}", files={"file": wav}, data=captions, timeout=PATIENCE)
    assert "[Silence]" in answer.text


def test_models_and_metrics_tell_the_same_room(quiet: RunningServer) -> None:
    (model,) = httpx.get(f"{quiet.url}/v1/models").json()["data"]
    capacity = model["capacity"]
    assert capacity["recording_seconds"] == quiet.metric("asr_limit_audio_seconds")
    assert capacity["pass_seconds"] == quiet.metric("asr_capacity_pass_seconds") > 600
    assert capacity["window_seconds"] == quiet.metric("asr_capacity_window_seconds") == 60.0
    assert capacity["live_sessions"] == quiet.metric("asr_capacity_live_sessions") == 3
    for length in LENGTHS:
        told = quiet.metric("asr_capacity_recordings", seconds=str(length))
        assert capacity["recordings"][str(length)] == told == 4


def test_the_start_says_it(quiet: RunningServer) -> None:
    capacity = quiet.service.engine.capacity
    assert capacity is not None
    assert capacity.sentence(3 * 3600) == (
        "recordings of up to 180 min, 1 min of it heard at once; at once 4 of 1 min, 4 of 10 min, 4 of 60 min; "
        "or 3 live sessions"
    )
