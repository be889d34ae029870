"""The real server with the bundled checkpoint under load: the same words in any company, an end for every client."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server.engine.conftest import eventually
from tests.support.processes import ServerProcess
from tests.support.samples import excerpts

CLIENTS = 32


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess("--max-requests", "64", log=tmp_path_factory.mktemp("load") / "server.log") as started:
        started.wait_ready()
        yield started


@pytest.fixture(scope="module")
def uploads() -> list[bytes]:
    return excerpts(CLIENTS, shortest=1.0, longest=8.0)


async def transcribe(client: httpx.AsyncClient, upload: bytes) -> httpx.Response:
    return await client.post(
        "/v1/audio/transcriptions",
        data={"model": "vibevoice-asr", "response_format": "verbose_json"},
        files={"file": ("clip.wav", upload, "audio/wav")},
    )


def said(response: httpx.Response) -> list[tuple[str, str, float, float]]:
    """Who said what when."""
    return [(turn["speaker"], turn["text"], turn["start"], turn["end"]) for turn in response.json()["segments"]]


def metric(server: ServerProcess, name: str) -> float:
    text = httpx.get(f"{server.url}/metrics").text
    found = re.search(rf"^{name} ([0-9.e+]+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


def worker(server: ServerProcess) -> int:
    """The process of the server's group that holds the model, and so the most memory."""
    statuses = {pid: Path(f"/proc/{pid}/status").read_text() for pid in server.group()}
    sizes = {pid: int(found[1]) for pid, text in statuses.items() if (found := re.search(r"VmRSS:\s+(\d+)", text))}
    return max(sizes, key=lambda pid: sizes[pid])


@pytest.fixture(scope="module")
def alone(server: ServerProcess, uploads: list[bytes]) -> list[list[tuple[str, str, float, float]]]:
    """What is said in each, asked one after the other."""

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
            return [await transcribe(client, upload) for upload in uploads]

    answers = asyncio.run(ask())
    assert {response.status_code for response in answers} == {200}
    return list(map(said, answers))


async def test_thirty_two_clients_hear_what_one_hears(
    alone: list[list[tuple[str, str, float, float]]], server: ServerProcess, uploads: list[bytes]
) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        together = await asyncio.gather(*(transcribe(client, upload) for upload in uploads))
    assert {response.status_code for response in together} == {200}
    assert list(map(said, together)) == alone
    assert sum(map(bool, alone)) > CLIENTS // 2  # the shortest clips may hold no speech
    await eventually(lambda: metric(server, "asr_kv_pages_used") == 0)  # the worker tells it a little later


async def test_a_killed_worker_costs_nobody_a_word(
    alone: list[list[tuple[str, str, float, float]]], server: ServerProcess, uploads: list[bytes]
) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=300) as client:
        requests = [asyncio.ensure_future(transcribe(client, upload)) for upload in uploads]
        await asyncio.wait(requests, return_when=asyncio.FIRST_COMPLETED)
        os.kill(worker(server), signal.SIGKILL)
        responses = await asyncio.gather(*requests)
        assert {response.status_code for response in responses} == {200}
        assert list(map(said, responses)) == alone
    await eventually(lambda: metric(server, "asr_kv_pages_used") == 0)  # the worker tells it a little later
    assert metric(server, "asr_queue_requests") == 0
    assert metric(server, "asr_worker_restarts_total") == 1
