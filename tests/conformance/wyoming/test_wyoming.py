"""Home Assistant's protocol through wyoming-openai: a Wyoming client speaks to it, and it to this server."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from tests.conformance.clients import WYOMING
from tests.conformance.conftest import KEY, Told, told_by
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.samples import SHORT, truth

PYTHON = WYOMING / "bin" / "python"
MODEL = "vibevoice-asr"
START_DEADLINE = 60.0
RATE = 16_000
"""Hz, that of Home Assistant's voice satellites."""
SAID = " ".join(turn["Content"] for turn in truth(SHORT))

pytestmark = [
    pytest.mark.client("Wyoming (Home Assistant), wyoming-openai"),
    pytest.mark.skipif(not PYTHON.exists(), reason="wyoming-openai is not installed (make conformance, Python 3.12)"),
]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "short.wav"
    samples, rate = soundfile.read(SHORT, dtype="float32")
    soundfile.write(path, soxr.resample(samples, rate, RATE), RATE, subtype="PCM_16")
    return path


@contextmanager
def bridge(server: ServerProcess, log: Path, *flags: str) -> Iterator[str]:
    """wyoming-openai in front of the server; its address."""
    port = free_port()
    address = f"tcp://127.0.0.1:{port}"
    upstream = ["--stt-openai-url", f"{server.url}/v1", "--stt-openai-key", KEY]
    command = [str(PYTHON), "-m", "wyoming_openai", "--uri", address, "--languages", "en", *upstream, *flags]
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        wait_until(lambda: _listens(port, running, log), "wyoming-openai is ready", START_DEADLINE)
        yield address
    finally:
        running.terminate()
        running.wait()


def _listens(port: int, running: subprocess.Popen[bytes], log: Path) -> bool:
    assert running.poll() is None, log.read_text()
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def spoken(address: str, recording: Path) -> Told:
    """The services and the events that the Wyoming client was told."""
    return told_by([str(PYTHON), str(Path(__file__).with_name("client.py")), address, str(recording)])


def test_a_recording_comes_back_as_text(server: ServerProcess, recording: Path, tmp_path: Path) -> None:
    with bridge(server, tmp_path / "log", "--stt-models", MODEL) as address:
        described, *events = spoken(address, recording)
    (program,) = described["data"]["asr"]
    assert [model["name"] for model in program["models"]] == [MODEL]
    assert [event["data"]["text"] for event in events if event["kind"] == "transcript"] == [SAID]


@pytest.mark.parametrize("kind", ["--stt-streaming-models", "--stt-realtime-models"])
def test_text_that_comes_in_pieces(server: ServerProcess, recording: Path, tmp_path: Path, kind: str) -> None:
    """From the events of a stream, and from a Realtime session."""
    with bridge(server, tmp_path / "log", kind, MODEL) as address:
        events = spoken(address, recording)
    chunks = [event["data"]["text"] for event in events if event["kind"] == "transcript-chunk"]
    (whole,) = (event["data"]["text"] for event in events if event["kind"] == "transcript")
    assert len(chunks) > 1
    assert "".join(chunks) == whole == SAID
