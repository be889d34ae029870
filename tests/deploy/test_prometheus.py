"""Every expression of the dashboard and the alerts, asked of a real Prometheus beside a real server under load.

A minute or two, so only when asked for: ``make test-metrics``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
import soundfile  # type: ignore[import-untyped]
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from server.engine.figures import DeviceMemory
from server.metrics.engine import device_memory
from tests.deploy.dashboards import alert_expressions, panel_expressions
from tests.deploy.load import load_on
from tests.deploy.prometheus_server import Prometheus
from tests.support.processes import ServerProcess, wait_until
from tests.support.samples import SHORT, TWO_SPEAKERS
from tests.support.tools import tool

pytestmark = pytest.mark.prometheus

PATH = "/v1/audio/transcriptions"
PATIENCE = 120.0
PLACES = ("--max-requests", "3", "--max-live-sessions", "2")


@pytest.fixture(scope="module")
def program(pytestconfig: pytest.Config) -> str:
    if "prometheus" not in pytestconfig.option.markexpr:
        pytest.skip("make test-metrics")
    return tool("prometheus", "prometheus")


@pytest.fixture(scope="module")
def prometheus(program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """After everything has happened to the server that it counts, and was scraped."""
    folder = tmp_path_factory.mktemp("metrics")
    with ExitStack() as stack:
        server = stack.enter_context(ServerProcess(*PLACES, log=folder / "server.log"))
        server.wait_ready()
        device = stack.enter_context(page_of_a_device())
        running = stack.enter_context(Prometheus(program, [server.url.removeprefix("http://"), device], folder))
        wait_until(lambda: len(running.query("asr_ready == 1")) == 1, "the server is scraped", PATIENCE)
        before = scrapes(running)
        use(server)
        wait_until(lambda: scrapes(running) >= before + 5, "what happened is scraped", PATIENCE)
        quiet = scrapes(running)
        wait_until(lambda: scrapes(running) >= quiet + 3, "twice and more", PATIENCE)
        yield running


def scrapes(running: Prometheus) -> float:
    """Of the server, so far."""
    [sample] = running.query("sum(count_over_time(asr_ready[1h]))")
    return float(sample["value"][1])


# ------------------------------------------------------------------------------------------------------- what happens


def use(server: ServerProcess) -> None:
    """Uploads whole and streamed, more than there is room for; sessions likewise; damage, and a worker's death."""
    asyncio.run(uploads(server.url))
    sessions = [threading.Thread(target=session, args=(server.url,)) for _ in range(3)]
    for each in sessions:
        each.start()
    for each in sessions:
        each.join()
    httpx.post(f"{server.url}{PATH}", files={"file": b"no audio" * 100}, timeout=PATIENCE)
    leave(server.url)
    os.kill(worker_of(server), signal.SIGKILL)
    wait_until(lambda: "asr_worker_restarts_total 1.0" in metrics(server.url), "the death is seen", PATIENCE)
    server.wait_ready()
    asyncio.run(uploads(server.url))


async def uploads(url: str) -> None:
    async with load_on(url, TWO_SPEAKERS, uploads=3, streams=3) as load:
        await load.more(18)
    assert any(outcome.text for outcome in load.outcomes)


def session(url: str) -> None:
    """Two sentences with turn detection, as fast as they can be sent; or the refusal."""
    samples, rate = soundfile.read(SHORT, dtype="int16")
    path = f"/v1/listen?encoding=linear16&sample_rate={rate}&interim_results=true&endpointing=300"
    try:
        with connect(url.replace("http", "ws", 1) + path, proxy=None) as socket:
            for start in range(0, len(samples), rate // 5):
                socket.send(samples[start : start + rate // 5].tobytes())
            socket.send(json.dumps({"type": "Finalize"}))
            socket.send(json.dumps({"type": "CloseStream"}))
            for _ in socket:
                pass
    except InvalidStatus:
        pass  # one of them finds no place


def leave(url: str) -> None:
    """In the middle of an answer."""
    with httpx.stream("POST", f"{url}{PATH}", files={"file": TWO_SPEAKERS.read_bytes()}, data={"stream": "true"}) as it:
        next(it.iter_raw())


def metrics(url: str) -> str:
    return httpx.get(f"{url}/metrics", timeout=PATIENCE).text


def worker_of(server: ServerProcess) -> int:
    """The process of its group that was spawned by ``multiprocessing``."""
    [pid] = [pid for pid in server.group() if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    return pid


@contextmanager
def page_of_a_device() -> Iterator[str]:
    """Where the metrics stand that only a server with a GPU has, as its collector writes them."""

    class Device(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from device_memory(DeviceMemory(allocated=60 << 30, reserved=70 << 30, free=9 << 30, total=80 << 30))

    registry = CollectorRegistry()
    registry.register(Device())
    page = generate_latest(registry)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as http:
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        yield f"127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


# ------------------------------------------------------------------------------------------------------ what is found


def test_what_the_server_tells_can_be_read(prometheus: Prometheus) -> None:
    assert [(target["health"], target["lastError"]) for target in prometheus.targets()] == [("up", "")] * 2


def test_no_panel_is_empty(prometheus: Prometheus) -> None:
    empty = [(title, expression) for title, expression in panel_expressions() if not prometheus.numbers(expression)]
    assert empty == []


def test_every_alert_compares_a_number(prometheus: Prometheus) -> None:
    empty = [(name, expression) for name, expression in alert_expressions() if not prometheus.numbers(expression)]
    assert empty == []


def test_the_death_of_the_worker_is_an_alert_and_nobody_else_complains(prometheus: Prometheus) -> None:
    wait_until(lambda: "AsrWorkerDied" in prometheus.alerts(), "the alert", PATIENCE)
    expected = {"AsrWorkerDied", "AsrRequestsRefused", "AsrRequestsFail"}  # the last two wait for minutes of it
    assert prometheus.alerts() <= expected


def test_counters_did_not_go_back_when_the_worker_was_replaced(prometheus: Prometheus) -> None:
    for counter in ("asr_answer_tokens_total", "asr_step_seconds_count", "asr_batch_size_sum", "asr_positions_total"):
        assert prometheus.numbers(f"resets({counter}[1h])") == [0]
        assert prometheus.numbers(f"increase({counter}[1h])")[0] > 0


def test_what_happened_is_what_is_told(prometheus: Prometheus) -> None:
    told = {
        'asr_worker_deaths_total{reason="killed"}': 1,
        'asr_decode_errors_total{kind="unsupported_format"}': 1,
        'asr_rejections_total{reason="too_many_sessions"}': 1,
        'asr_cancellations_total{stage="transcribe"}': 1,
        "sum(asr_live_sessions_total)": 2,
    }
    assert {name: prometheus.numbers(name) for name in told} == {name: [count] for name, count in told.items()}
    assert prometheus.numbers('asr_rejections_total{reason="overloaded"}')[0] > 0
    assert prometheus.numbers("asr_live_final_word_seconds_count")[0] > 0
