"""A server that is killed in the middle of a job, and started again: the whole thing, in processes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.server.http.test_job_replicas import RECORDING, TALK
from tests.support.processes import ServerProcess, wait_until
from tests.support.resuming_runner import answer_of
from tests.support.samples import SAMPLES

PATIENCE = 120.0


@pytest.mark.parametrize(
    ("program", "recording", "prompt"),
    [
        pytest.param(("tests.support.scripted_process", "0.004"), RECORDING, answer_of(TALK), id="script"),
        pytest.param(
            ("server",), (SAMPLES / "long.flac").read_bytes(), "", id="bundled checkpoint", marks=pytest.mark.rounds
        ),
    ],
)
def test_a_killed_server_goes_on_where_it_was(
    request: pytest.FixtureRequest, tmp_path: Path, program: Sequence[str], recording: bytes, prompt: str
) -> None:
    """Nothing accepted is lost, nothing told is taken back, and the transcript is the one of an undisturbed request."""
    if not prompt and "rounds" not in str(request.config.option.markexpr):
        pytest.skip("with the model it takes longer: pytest -m rounds")
    with ServerProcess("--jobs-folder", str(tmp_path / "jobs"), log=tmp_path / "log", program=program) as server:
        server.wait_ready()
        asked = {"response_format": "diarized_json", "prompt": prompt}
        path = f"{server.url}/v1/audio/transcriptions"
        plain = httpx.post(path, files={"file": recording}, data=asked, timeout=PATIENCE).json()
        accepted = httpx.post(
            path, files={"file": recording}, data=asked | {"background": "true"}, timeout=PATIENCE
        ).json()
        url = f"{server.url}{accepted['links']['self']}"

        def segments() -> int:
            found: int = httpx.get(url).json()["progress"]["segments"]
            return found

        wait_until(lambda: segments() >= 1, "some of it is done", PATIENCE)
        before = segments()
        server.kill()
        server.wait(30)
        server.start()
        server.wait_ready()
        assert before <= segments()
        wait_until(lambda: httpx.get(url).json()["status"] == "completed", "it is done", PATIENCE)
        result = httpx.get(f"{url}/result").json()
        assert result["text"] == plain["text"]
        assert result["segments"] == plain["segments"]
