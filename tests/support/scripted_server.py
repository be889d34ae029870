"""The server with a scripted runner instead of a model, in a thread of the test."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI

from server.app import create_app, engine_settings
from server.engine.client.engine import Engine
from server.engine.worker.load import RunnerFactory
from server.http.service import Service
from server.live.live_transcriber import TranscriberFactory, make_transcriber
from server.logs import configure_logging
from server.serving.server import DrainingServer
from server.settings import Settings
from server.tracing.tracer import NO_TRACES, Tracer
from tests.support.processes import wait_until
from tests.support.resuming_runner import ResumingRunner
from tests.support.speaking_runner import SpeakingRunner

PATIENCE = 60.0
"""Seconds after which something that should happen is said not to happen."""


def scripted_app(
    settings: Settings,
    factory: RunnerFactory,
    transcribers: TranscriberFactory = make_transcriber,
    tracer: Tracer = NO_TRACES,
) -> FastAPI:
    """The real application over a real worker process that runs the script."""

    def make_engine(settings: Settings) -> Engine:
        return Engine(factory, engine_settings(settings))

    return create_app(settings, make_engine, transcribers, lambda: tracer)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that listens on ``url``."""

    url: str
    app: FastAPI
    server: DrainingServer

    def stop(self) -> None:
        """Do what SIGTERM does."""
        self.server.should_exit = True

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self.server.server_state.connections)

    @property
    def writes_paused(self) -> int:
        """How many connections wait until their client reads."""
        flows = (getattr(connection, "flow", None) for connection in self.server.server_state.connections)
        return sum(flow.write_paused for flow in flows if flow is not None)

    def limit_kernel_buffers(self, octets: int) -> None:
        """Let the kernel keep only about so much of what connections accepted from now on have not read."""
        for listener in self.server.servers[0].sockets:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, octets)

    @property
    def service(self) -> Service:
        service: Service = self.app.state.service
        return service

    def metric(self, name: str, **labels: str) -> float:
        """A sample as it stands now; 0 where it was never counted."""
        return self.service.metrics.registry.get_sample_value(name, labels) or 0.0

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what, PATIENCE)


@contextmanager
def running_server(
    factory: RunnerFactory = SpeakingRunner,
    *,
    ready: bool = True,
    transcribers: TranscriberFactory = make_transcriber,
    routers: Iterable[APIRouter] = (),
    tracer: Tracer = NO_TRACES,
    **settings: Any,
) -> Iterator[RunningServer]:
    """A uvicorn in a thread, on a free port of the loopback interface. ``ready``: wait for the worker.

    ``routers``: more paths beside the application's own.
    """
    settings.setdefault("voice_encoder", "none")  # what a script says was said sounds like nobody
    given = Settings(model="tiny", host="127.0.0.1", port=0, **settings)
    app = scripted_app(given, factory, transcribers, tracer)
    for router in routers:
        app.include_router(router)
    server = DrainingServer(app, given)
    thread = threading.Thread(target=server.run, name="uvicorn")
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive(), "the server listens", PATIENCE)
        port = server.servers[0].sockets[0].getsockname()[1]
        running = RunningServer(f"http://127.0.0.1:{port}", app, server)
        if ready:
            running.wait_for(
                lambda: httpx.get(f"{running.url}/ready", timeout=PATIENCE).status_code == httpx.codes.OK,
                "the server is ready",
            )
        yield running
    finally:
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def serve(step_seconds: float, arguments: Sequence[str]) -> None:
    """As ``server.serving.server.serve``, with a model that takes ``step_seconds`` for every step, and can go on."""
    settings = Settings.from_cli(arguments)
    configure_logging(settings.log_level, settings.log_format)
    DrainingServer(scripted_app(settings, partial(ResumingRunner, step_seconds=step_seconds)), settings).run()
