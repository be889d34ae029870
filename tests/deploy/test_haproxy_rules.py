"""What the load balancer itself decides, shown with replicas that do one thing each."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.deploy.balancer import Balancer
from tests.support.processes import free_port
from tests.support.tls_front import certificate_of_this_machine

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
TRANSCRIPTIONS = "/v1/audio/transcriptions"


heads: list[str] = []
"""What replicas were sent, the newest last; without the checks."""


@asynccontextmanager
async def replica(work: Handler) -> AsyncIterator[int]:
    """A server that is always ready and leaves every other request to ``work``, its head read. Yields the port."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if head.startswith(b"GET /ready "):
                writer.write(OK)
            else:
                heads.append(head.decode())
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
async def balanced(haproxy: str, folder: Path, *handlers: Handler, **more: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a balancer in front of one replica for each handler; ``more``: for its environment."""
    async with AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(replica(handler)) for handler in handlers]
        balancer = Balancer(haproxy, ports, folder, **more)
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
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()

    assert uploads == [b"audio"]
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"\r\nretry-after: 1\r\n" in answer
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "replica_lost"


async def test_a_job_is_asked_for_where_its_id_says_that_it_is(haproxy: str, tmp_path: Path) -> None:
    def named(name: bytes) -> Handler:
        async def say(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n" + name)

        return say

    async with balanced(haproxy, tmp_path, named(b"1"), named(b"2")) as client:
        for place in ("", "/events", "/result?response_format=srt"):
            told = [(await client.get(f"/v1/jobs/job_{name}_0123{place}")).text for name in "1212112"]
            assert told == [*"1212112"]
        assert {(await client.get("/v1/jobs/job_0123")).text for _ in range(4)} == {"1", "2"}, "anybody's"


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
        await asyncio.wait_for(received.wait(), 60)
        request.cancel()
        await asyncio.wait_for(gone.wait(), 60)


async def test_event_leaves_before_the_next_is_written(haproxy: str, tmp_path: Path) -> None:
    seen = asyncio.Event()

    async def two_events(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(5)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"7\r\nfirst\n\n\r\n")
        await asyncio.wait_for(seen.wait(), 60)
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


async def say_ok(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


def sent(name: str) -> list[str]:
    """The values of a header in the last request that a replica got."""
    return [line.partition(": ")[2] for line in heads[-1].splitlines() if line.lower().startswith(f"{name}: ")]


async def test_replica_hears_of_the_client_what_the_balancer_knows(haproxy: str, tmp_path: Path) -> None:
    claims = {"x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https", "forwarded": "for=192.0.2.1"}
    async with balanced(haproxy, tmp_path, say_ok) as client:
        await client.get("/v1/models", headers=claims)
    assert (sent("x-forwarded-for"), sent("x-forwarded-proto"), sent("forwarded")) == (["127.0.0.1"], ["http"], [])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-note": "n" * 25_000}, httpx.codes.OK),
        ({"x-note": "n" * 40_000}, httpx.codes.BAD_REQUEST),
        ({f"x-note-{number}": "n" for number in range(70)}, httpx.codes.BAD_REQUEST),
    ],
    ids=["large", "too large", "too many"],
)
async def test_heads_have_a_limit(haproxy: str, tmp_path: Path, headers: dict[str, str], status: int) -> None:
    async with balanced(haproxy, tmp_path, say_ok) as client:
        response = await client.get("/v1/models", headers=headers)
    assert response.status_code == status


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return certificate_of_this_machine(tmp_path)


async def test_with_a_certificate_https_is_spoken_and_http_leads_there(
    haproxy: str, tmp_path: Path, certificate: Path
) -> None:
    place = f"127.0.0.1:{free_port()}"
    trust = ssl.create_default_context(cafile=str(certificate))
    more = {"CERTIFICATE": str(certificate), "BIND_TLS": place}
    async with balanced(haproxy, tmp_path, say_ok, **more) as plain, httpx.AsyncClient(verify=trust) as client:
        response = await client.get(f"https://{place}/v1/models")
        led = await plain.post("/v1/audio/transcriptions?a=b", content=b"audio")

    assert response.status_code == httpx.codes.OK
    assert response.headers["strict-transport-security"].startswith("max-age=")
    assert (sent("x-forwarded-for"), sent("x-forwarded-proto")) == (["127.0.0.1"], ["https"])
    # 308: the same method and body again.
    assert led.status_code == httpx.codes.PERMANENT_REDIRECT
    assert led.headers["location"] == f"https://{plain.base_url.netloc.decode()}/v1/audio/transcriptions?a=b"


async def test_a_websocket_is_a_tunnel_through_https_too(haproxy: str, tmp_path: Path, certificate: Path) -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The answer to the key below, both RFC 6455's example.
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n")
        writer.write(b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
        writer.write(b"heard " + await reader.readexactly(5))

    place = f"127.0.0.1:{free_port()}"
    more = {"CERTIFICATE": str(certificate), "BIND_TLS": place}
    async with balanced(haproxy, tmp_path, switch, **more):
        trust = ssl.create_default_context(cafile=str(certificate))
        reader, writer = await asyncio.open_connection("127.0.0.1", int(place.partition(":")[2]), ssl=trust)
        writer.write(b"GET /v1/realtime HTTP/1.1\r\nhost: api\r\nconnection: upgrade\r\nupgrade: websocket\r\n")
        writer.write(b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)).startswith(b"HTTP/1.1 101 ")
        writer.write(b"audio")
        assert await asyncio.wait_for(reader.readexactly(11), 60) == b"heard audio"
        writer.close()


async def test_eight_replicas_share_the_work(haproxy: str, tmp_path: Path) -> None:
    at_work: asyncio.Queue[int] = asyncio.Queue()
    all_busy = asyncio.Event()

    async def wait_for_the_others(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_work.put_nowait(writer.get_extra_info("sockname")[1])
        await all_busy.wait()
        writer.write(OK)

    busy, answers = set(), []
    async with balanced(haproxy, tmp_path, *[wait_for_the_others] * 8) as client, asyncio.TaskGroup() as requests:
        for _ in range(8):
            answers.append(requests.create_task(client.get("/v1/models")))
            # Only then the next: two threads of HAProxy that choose at the same moment may choose the same replica.
            busy.add(await asyncio.wait_for(at_work.get(), 20))
        all_busy.set()
    assert len(busy) == 8
    assert [answer.result().status_code for answer in answers] == [httpx.codes.OK] * 8
