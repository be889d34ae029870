"""What the load balancer itself decides, shown with replicas that do one thing each."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.deploy.balancer import Balancer
from tests.support.processes import free_port

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TRANSCRIPTIONS = "/v1/audio/transcriptions"


@asynccontextmanager
async def replica(work: Handler) -> AsyncIterator[int]:
    """A server that is always ready and leaves every other request to ``work``, its head read. Yields the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /ready "):
                writer.write(OK)
            else:
                await work(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the balancer hung up: a check that ended, or a client that left
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield port


@asynccontextmanager
async def balanced(haproxy: str, folder: Path, *handlers: Handler) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a balancer in front of one replica for each handler."""
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(replica(handler)) for handler in handlers]
        balancer = Balancer(haproxy, ports, folder)
        await asyncio.to_thread(balancer.__enter__)
        stack.push_async_callback(asyncio.to_thread, balancer.__exit__)
        yield await stack.enter_async_context(httpx.AsyncClient(base_url=balancer.url, timeout=20))


async def test_upload_that_a_replica_received_is_not_sent_to_another(haproxy: str, tmp_path: Path) -> None:
    uploads = []

    async def read_and_die(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        uploads.append(await reader.readexactly(5))

    async with balanced(haproxy, tmp_path, read_and_die, read_and_die) as client:
        # Head and body in one packet: only a request that it holds whole could HAProxy send once more.
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        head = f"POST {TRANSCRIPTIONS} HTTP/1.1\r\nhost: api\r\nconnection: close\r\ncontent-length: 5\r\n\r\n"
        writer.write(head.encode() + b"audio")
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()

    assert uploads == [b"audio"]
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "replica_lost"


async def test_question_that_a_replica_left_open_is_asked_again(haproxy: str, tmp_path: Path) -> None:
    asked = 0

    async def die_once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            writer.write(OK)

    async with balanced(haproxy, tmp_path, die_once, die_once) as client:
        response = await client.get("/v1/models")

    assert (response.status_code, asked) == (httpx.codes.OK, 2)


async def test_client_that_leaves_is_gone_for_the_replica_too(haproxy: str, tmp_path: Path) -> None:
    received, gone = asyncio.Event(), asyncio.Event()

    async def wait_for_the_end(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        received.set()
        with suppress(ConnectionResetError):
            assert not await reader.read()
        gone.set()

    async with balanced(haproxy, tmp_path, wait_for_the_end, wait_for_the_end) as client:
        request = asyncio.create_task(client.post(TRANSCRIPTIONS, content=b"audio"))
        await asyncio.wait_for(received.wait(), 10)
        request.cancel()
        await asyncio.wait_for(gone.wait(), 10)


async def test_event_leaves_before_the_next_is_written(haproxy: str, tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def two_events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"7\r\nfirst\n\n\r\n")
        await asyncio.wait_for(seen.wait(), 10)
        writer.write(b"8\r\nsecond\n\n\r\n0\r\n\r\n")

    async with (
        balanced(haproxy, tmp_path, two_events, two_events) as client,
        client.stream("POST", TRANSCRIPTIONS, content=b"audio") as response,
    ):
        chunks = response.aiter_raw()
        assert await anext(chunks) == b"first\n\n"
        seen.set()
        assert await anext(chunks) == b"second\n\n"


@contextmanager
def nobody_behind(haproxy: str, folder: Path) -> Iterator[httpx.Client]:
    with Balancer(haproxy, [free_port(), free_port()], folder) as balancer:
        for name in balancer.replicas():
            balancer.wait_up(name, up=False)
        with httpx.Client(base_url=balancer.url) as client:
            yield client


def test_without_replicas_the_refusal_has_the_shape_of_the_api(haproxy: str, tmp_path: Path) -> None:
    with nobody_behind(haproxy, tmp_path) as client:
        response = client.post(TRANSCRIPTIONS, content=b"audio")
    assert response.status_code == httpx.codes.SERVICE_UNAVAILABLE
    assert response.headers["content-type"] == "application/json"
    assert response.headers["retry-after"] == "2"
    assert set(response.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("path", ["/metrics", "/metrics?name=up"])
def test_metrics_are_not_passed_on(haproxy: str, tmp_path: Path, path: str) -> None:
    with nobody_behind(haproxy, tmp_path) as client:
        assert client.get(path).status_code == httpx.codes.NOT_FOUND
