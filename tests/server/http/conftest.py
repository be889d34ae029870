"""Servers over a scripted runner in a real worker process, and a recording to send."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

import httpx
import numpy as np
import openai
import pytest

from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner

SECONDS = 3.0
KEY = "sk-test-0123456789"
OTHER_KEY = "sk-test-9876543210"


def tone(seconds: float, rate: int = 24_000) -> bytes:
    """A wav file of 16-bit mono."""
    time = np.arange(round(seconds * rate)) / rate
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((1, 2, rate, time.size, "NONE", ""))
        writer.writeframes((3000 * np.sin(2 * np.pi * 220 * time)).astype("<i2").tobytes())
    return file.getvalue()


@pytest.fixture(scope="session")
def wav() -> bytes:
    return tone(SECONDS)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Open to everybody, with a model that takes no time, and with jobs whose recordings are kept."""
    with running_server(jobs_folder=tmp_path_factory.mktemp("jobs"), keep_job_recordings=True) as running:
        yield running


@pytest.fixture(scope="session")
def slow_server() -> Iterator[RunningServer]:
    """A model that takes some time for every token, and impatient heartbeats."""
    with running_server(partial(SpeakingRunner, step_seconds=0.02), heartbeat_seconds=0.05, max_requests=3) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_server() -> Iterator[RunningServer]:
    """Keys, CORS and small limits."""
    with running_server(
        api_keys=(KEY, OTHER_KEY),
        cors_origins=("https://app.example",),
        max_upload_bytes=200_000,
        max_audio_seconds=4.0,
    ) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=60) as made:
        yield made


@contextmanager
def full_engine(server: RunningServer) -> Iterator[None]:
    """Inside, all places in the engine are taken."""
    with ExitStack() as tickets:
        for _ in range(server.service.settings.max_requests):
            tickets.enter_context(server.service.engine.admission.enter())
        yield


Post = Callable[..., httpx.Response]


@pytest.fixture
def post(server: RunningServer, wav: bytes) -> Post:
    """Sends the recording with form fields; a list is a repeated field."""

    def send(**fields: object) -> httpx.Response:
        return httpx.post(
            f"{server.url}/v1/audio/transcriptions", files={"file": ("a.wav", wav)}, data=fields, timeout=60
        )

    return send


def assert_envelope(
    response: httpx.Response, status: int, code: str | None, param: str | None = None
) -> dict[str, str | None]:
    """The answer is an error in OpenAI's shape, with a request id. Returns the error."""
    assert response.status_code == status, response.text
    assert list(response.json()) == ["error"]
    error: dict[str, str | None] = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param)
    assert error["message"]
    assert response.headers["x-request-id"]
    assert response.headers["x-should-retry"] == ("true" if status in (429, 503) else "false")
    assert ("retry-after" in response.headers) == (status in (429, 503))
    return error
