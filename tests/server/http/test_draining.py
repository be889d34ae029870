"""The service comes to its end by itself, whoever serves the application: no signal, no uvicorn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx

from server.http.service import Service
from server.settings import Settings
from tests.server.engine.conftest import eventually
from tests.server.http.conftest import assert_envelope
from tests.support.scripted_server import scripted_app
from tests.support.speaking_runner import TEXT, SpeakingRunner, endless_answer

PATH = "/v1/audio/transcriptions"


@asynccontextmanager
async def serving(step_seconds: float, **settings: Any) -> AsyncIterator[tuple[Service, httpx.AsyncClient]]:
    """A ready application, called without a server."""
    app = scripted_app(Settings(model="tiny", **settings), partial(SpeakingRunner, step_seconds=step_seconds))
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://localhost", timeout=60) as client,
    ):
        service: Service = app.state.service
        await service.wait_ready()
        yield service, client


async def test_what_runs_is_waited_for_and_new_work_is_refused(wav: bytes) -> None:
    async with serving(0.02, drain_seconds=3600) as (service, client):
        running = asyncio.create_task(client.post(PATH, files={"file": wav}))
        await eventually(lambda: service.engine.stats is not None and service.engine.stats.running == 1)
        draining = asyncio.create_task(service.drain())
        await eventually(lambda: service.refusing)
        assert not service.ready
        assert_envelope(await client.post(PATH, files={"file": wav}), 503, "shutting_down")
        assert (await running).json()["text"] == TEXT
        await draining
        assert (service.state, service.active_requests) == ("draining", 0)


async def test_notice_comes_first_and_hurry_ends_it(wav: bytes) -> None:
    async with serving(0.0, drain_notice_seconds=3600) as (service, client):
        draining = asyncio.create_task(service.drain())
        await eventually(lambda: service.draining)
        assert not service.ready
        assert (await client.post(PATH, files={"file": wav})).json()["text"] == TEXT
        assert not service.refusing
        service.hurry()
        await draining
        assert service.refusing


async def test_what_does_not_end_in_time_hears_why(wav: bytes) -> None:
    async with serving(0.02, drain_seconds=3600) as (service, client):
        running = asyncio.create_task(client.post(PATH, files={"file": wav}, data={"prompt": endless_answer()}))
        await eventually(lambda: service.engine.stats is not None and service.engine.stats.running == 1)
        draining = asyncio.create_task(service.drain())
        await eventually(lambda: service.refusing)
        assert not draining.done()
        service.hurry()
        assert_envelope(await running, 503, "shutting_down")
        await draining
