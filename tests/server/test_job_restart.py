"""A server that is killed in the middle of a job, and started again: the whole thing, with the bundled checkpoint."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.support.processes import ServerProcess, wait_until
from tests.support.samples import SAMPLES

PATIENCE = 120.0


def test_a_killed_server_goes_on_where_it_was(tmp_path: Path) -> None:
    """Nothing accepted is lost, nothing told is taken back, and the transcript is the one of an undisturbed request."""
    recording = (SAMPLES / "long.flac").read_bytes()
    with ServerProcess("--jobs-folder", str(tmp_path / "jobs"), log=tmp_path / "log") as server:
        server.wait_ready()
        asked = {"response_format": "diarized_json"}
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
        assert segments() >= before
        wait_until(lambda: httpx.get(url).json()["status"] == "completed", "it is done", PATIENCE)
        result = httpx.get(f"{url}/result").json()
        assert result["text"] == plain["text"]
        assert result["segments"] == plain["segments"]
