"""How loud a recording is from place to place, for who asks for it: in answers, event streams and jobs."""

from __future__ import annotations

import io
import json
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.seam.audio import SAMPLE_RATE
from tests.server.http.conftest import assert_envelope
from tests.server.http.test_jobs import done, submit
from tests.support.scripted_server import RunningServer

PARTS = 400
LOUD, SOFT = -20, -50


@pytest.fixture(scope="module")
def talk() -> bytes:
    """A second that is loud between two that are not."""
    rng = np.random.default_rng(0)
    parts = [10 ** (level / 20) * rng.standard_normal(SAMPLE_RATE) for level in (SOFT, LOUD, SOFT)]
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(parts), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def asked(server: RunningServer, talk: bytes, **fields: str) -> httpx.Response:
    form = {"response_format": "diarized_json", "waveform": "true"} | fields
    return httpx.post(f"{server.url}/v1/audio/transcriptions", files={"file": ("a.wav", talk)}, data=form, timeout=60)


def check(told: dict[str, Any]) -> None:
    levels = told["waveform"]
    assert len(levels) == PARTS
    assert min(levels[140:260]) > LOUD - 6
    assert max(levels[:130]) < SOFT + 6
    assert max(levels[270:]) < SOFT + 6


def test_an_answer_and_the_last_event_tell_it(server: RunningServer, talk: bytes) -> None:
    answer = asked(server, talk)
    assert answer.status_code == 200, answer.text
    check(answer.json())
    assert "waveform" not in asked(server, talk, waveform="false").json()
    events = [
        json.loads(line[6:]) for line in asked(server, talk, stream="true").text.splitlines() if line[:6] == "data: "
    ]
    assert events[-1]["type"] == "transcript.text.done"
    check(events[-1])


def test_other_formats_have_no_place_for_it(server: RunningServer, talk: bytes) -> None:
    assert_envelope(asked(server, talk, response_format="json"), 400, "invalid_value", "waveform")


def test_a_job_tells_it_when_it_is_done(server: RunningServer, talk: bytes) -> None:
    accepted = submit(server, talk, response_format="diarized_json", waveform="true")
    job = f"{server.url}/v1/jobs/{accepted.json()['id']}"
    done(server, accepted.json()["id"])
    check(httpx.get(f"{job}/result").json())
    last = [json.loads(line[6:]) for line in httpx.get(f"{job}/events").text.splitlines() if line[:6] == "data: "][-1]
    assert last["type"] == "transcript.text.done"
    check(last)
    assert "waveform" not in httpx.get(f"{job}/result", params={"response_format": "json"}).json()
