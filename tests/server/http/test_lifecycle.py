"""What clients and orchestrators hear while the model loads, dies, cannot be had, and while the server stops."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import openai
import pytest

from server.http import preparation
from server.serving.server import DrainingServer
from server.settings import Settings
from server.transcript.detokenizer import Vocabulary
from tests.server.http.conftest import assert_envelope
from tests.support.failing_starts import find_a_busy_hub, refuse_to_load
from tests.support.processes import ROOT, free_port, wait_until
from tests.support.scripted_server import PATIENCE, RunningServer, running_server, scripted_app
from tests.support.speaking_runner import TEXT, MuteRunner, endless_answer, load_once, load_when_it_exists

PATH = "/v1/audio/transcriptions"


def test_work_is_refused_until_the_model_is_loaded(wav: bytes, tmp_path: Path) -> None:
    loaded = tmp_path / "loaded"
    with running_server(partial(load_when_it_exists, loaded), ready=False) as server:
        assert httpx.get(f"{server.url}/health", timeout=PATIENCE).status_code == 200
        assert httpx.get(f"{server.url}/ready", timeout=PATIENCE).status_code == 503
        assert_envelope(
            httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=PATIENCE), 503, "model_not_ready"
        )
        loaded.touch()
        server.wait_for(
            lambda: httpx.get(f"{server.url}/ready", timeout=PATIENCE).status_code == 200, "the model is loaded"
        )
        assert httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=60).json()["text"] == TEXT


def test_a_model_that_is_lost_ends_the_server(wav: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """So that whoever supervises it starts another; who waits for an answer hears it first."""
    caught: list[httpx.Response] = []
    with running_server(partial(load_once, tmp_path / "loaded", step_seconds=0.05)) as server:
        asking = threading.Thread(
            target=lambda: caught.append(httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=PATIENCE))
        )
        asking.start()
        server.wait_for(lambda: server.metric("asr_active_streams") == 1, "the model works on it")
        worker = server.service.engine.worker_pid
        assert worker is not None
        os.kill(worker, signal.SIGKILL)
        asking.join(PATIENCE)
        server.wait_for(lambda: server.server.should_exit, "the server gives up")
    assert server.server.failed
    assert_envelope(caught[0], 503, "worker_died")
    assert "The model cannot be started: " in capfd.readouterr().err


def test_a_model_that_cannot_be_loaded_ends_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(model="tiny", port=0)
    server = DrainingServer(scripted_app(settings, refuse_to_load), settings)
    server.run()
    assert server.failed
    assert "The model cannot be started: " in capfd.readouterr().err


def test_probes_say_why_the_model_is_not_there() -> None:
    with running_server(find_a_busy_hub, ready=False) as server:
        reason = {"status": "restarting", "reason": "The hub is busy (503 for 'some/where')."}
        server.wait_for(
            lambda: httpx.get(f"{server.url}/ready", timeout=PATIENCE).json() == reason, "a worker has failed"
        )
        assert httpx.get(f"{server.url}/health", timeout=PATIENCE).status_code == 200


def test_the_vocabulary_is_read_before_the_server_is_ready(
    wav: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, go_on = threading.Event(), threading.Event()
    load = Vocabulary.load

    def slow(checkpoint: Path) -> Vocabulary:
        reading.set()
        assert go_on.wait(PATIENCE)
        return load(checkpoint)

    monkeypatch.setattr(Vocabulary, "load", slow)
    with running_server(ready=False) as server:
        try:
            assert reading.wait(PATIENCE)
            assert httpx.get(f"{server.url}/ready", timeout=PATIENCE).json() == {"status": "starting"}
            assert httpx.get(f"{server.url}/health", timeout=PATIENCE).status_code == 200
            assert_envelope(
                httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=PATIENCE), 503, "model_not_ready"
            )
        finally:
            go_on.set()
        server.wait_for(
            lambda: httpx.get(f"{server.url}/ready", timeout=PATIENCE).status_code == 200, "the vocabulary is read"
        )
        assert httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=60).json()["text"] == TEXT


def test_a_vocabulary_that_cannot_be_read_ends_the_server(capfd: pytest.CaptureFixture[str]) -> None:
    settings = Settings(model="tiny", port=0)
    server = DrainingServer(scripted_app(settings, MuteRunner), settings)
    server.run()
    assert server.failed
    assert "The model cannot be started: The tokenizer in /nowhere cannot be read" in capfd.readouterr().err


def test_what_tells_languages_is_read_before_the_server_is_ready(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Reading it takes most of a second, which the first answer would keep everybody waiting for."""

    def missing() -> None:
        raise FileNotFoundError("no model.npz.xz")

    monkeypatch.setattr(preparation, "load_languages", missing)
    settings = Settings(model="tiny", port=0)
    server = DrainingServer(scripted_app(settings, MuteRunner), settings)
    server.run()
    assert server.failed
    assert "What tells languages cannot be read: no model.npz.xz" in capfd.readouterr().err


@pytest.mark.parametrize("streamed", [False, True])
def test_a_killed_worker_costs_its_requests_nothing_but_time(
    wav: bytes, slow_server: RunningServer, streamed: bool
) -> None:
    restarts = slow_server.metric("asr_worker_restarts_total")
    told: list[str] = []
    begun = threading.Event()

    def ask() -> None:
        with openai.OpenAI(base_url=f"{slow_server.url}/v1", api_key="any", max_retries=0) as client:
            if not streamed:
                told.append(client.audio.transcriptions.create(file=wav, model="whisper-1").text)
                return
            told.append("")
            for event in client.audio.transcriptions.create(file=wav, model="whisper-1", stream=True):
                if event.type == "transcript.text.delta":
                    told[0] += event.delta
                    begun.set()

    asking = threading.Thread(target=ask)
    asking.start()
    slow_server.wait_for(
        begun.is_set if streamed else lambda: slow_server.metric("asr_active_streams") == 1, "the model works on it"
    )
    worker = slow_server.service.engine.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    asking.join(PATIENCE)
    assert told == [TEXT]
    slow_server.wait_for(
        lambda: httpx.get(f"{slow_server.url}/ready", timeout=PATIENCE).status_code == 200, "a new worker is ready"
    )
    assert slow_server.metric("asr_worker_restarts_total") == restarts + 1
    answer = httpx.post(f"{slow_server.url}{PATH}", files={"file": wav}, timeout=60)
    assert answer.json()["text"] == TEXT


# ------------------------------------------------------------------------------------------------------------ stopping


class Process:
    """The server as a process of its own, with a model that takes ``step_seconds`` for every token."""

    def __init__(self, log: Path, step_seconds: float, *flags: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        command = [sys.executable, "-m", "tests.support.scripted_process", str(step_seconds)]
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port), "--log-format", "json", *flags],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: b"is ready: http" in log.read_bytes(), "the server is ready", PATIENCE)

    def active(self) -> int:
        for line in httpx.get(f"{self.url}/metrics", timeout=PATIENCE).text.splitlines():
            if line.startswith("asr_active_streams "):
                return int(float(line.split()[1]))
        raise AssertionError("no such metric")


@contextmanager
def process(log: Path, step_seconds: float, *flags: str) -> Iterator[Process]:
    started = Process(log, step_seconds, *flags)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.process.kill()
            started.process.wait()


class Asking(threading.Thread):
    """A request in the background."""

    def __init__(self, url: str, wav: bytes, **fields: str) -> None:
        super().__init__()
        self.answer: httpx.Response | None = None
        self._request = (f"{url}{PATH}", {"file": wav}, fields)
        self.start()

    def run(self) -> None:
        url, files, data = self._request
        self.answer = httpx.post(url, files=files, data=data, timeout=PATIENCE)

    def result(self) -> httpx.Response:
        self.join(PATIENCE)
        assert self.answer is not None
        return self.answer


def test_sigterm_lets_requests_finish_and_refuses_new_ones(wav: bytes, tmp_path: Path) -> None:
    with process(tmp_path / "log", 0.02, "--drain-seconds", "60") as server:
        running = [Asking(server.url, wav, response_format="text"), Asking(server.url, wav, stream="true")]
        wait_until(lambda: server.active() == 2, "both are in work", PATIENCE)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/ready", timeout=PATIENCE).status_code == 503, "it drains", PATIENCE)
        assert httpx.get(f"{server.url}/health", timeout=PATIENCE).status_code == 200
        assert_envelope(httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=PATIENCE), 503, "shutting_down")
        assert running[0].result().text == TEXT
        assert '"type": "transcript.text.done"' in running[1].result().text
        assert server.process.wait(PATIENCE) == 0


def test_what_does_not_finish_in_time_hears_an_error(wav: bytes, tmp_path: Path) -> None:
    with process(tmp_path / "log", 0.05, "--drain-seconds", "0.2") as server:
        running = [Asking(server.url, wav, prompt=endless_answer()), Asking(server.url, wav, stream="true")]
        wait_until(lambda: server.active() == 2, "both are in work", PATIENCE)
        server.process.send_signal(signal.SIGTERM)
        assert_envelope(running[0].result(), 503, "shutting_down")
        assert '"code": "shutting_down"' in running[1].result().text.rpartition("data: ")[2]
        assert server.process.wait(PATIENCE) == 0


def test_a_second_signal_means_now(wav: bytes, tmp_path: Path) -> None:
    with process(tmp_path / "log", 0.05, "--drain-seconds", "3600") as server:
        running = Asking(server.url, wav, prompt=endless_answer())
        wait_until(lambda: server.active() == 1, "it is in work", PATIENCE)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/ready", timeout=PATIENCE).status_code == 503, "it drains", PATIENCE)
        server.process.send_signal(signal.SIGTERM)
        assert_envelope(running.result(), 503, "shutting_down")
        assert server.process.wait(PATIENCE) == 0


def test_notice_is_given_before_work_is_refused(wav: bytes, tmp_path: Path) -> None:
    with process(tmp_path / "log", 0.0, "--drain-notice-seconds", "3600", "--drain-seconds", "0") as server:
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{server.url}/ready", timeout=PATIENCE).status_code == 503, "it drains", PATIENCE)
        assert httpx.post(f"{server.url}{PATH}", files={"file": wav}, timeout=60).json()["text"] == TEXT
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(PATIENCE) == 0


def test_what_stays_is_not_looked_through_for_garbage() -> None:
    gc.unfreeze()
    with running_server() as server:
        server.wait_for(lambda: gc.get_freeze_count() > 0, "it is put aside")
