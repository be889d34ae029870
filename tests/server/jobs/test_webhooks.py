"""Who is told of a job's end, how it is signed, and how often it is tried."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Mapping
from time import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from server.jobs.changes import Changes
from server.jobs.delivering import Delivering
from server.jobs.folder import JobFolder
from server.jobs.job import DeliveryStatus
from server.jobs.webhooks.outbox import RETRIES
from server.jobs.webhooks.posting import NoAnswer, post
from server.jobs.webhooks.receivers import ForbiddenReceiver, Receiver, Receivers
from server.jobs.webhooks.sender import Sender
from server.jobs.webhooks.signing import read_secret, signed_headers
from tests.server.jobs.conftest import Clock, Folders, accepted

SECRET = "whsec_" + b64encode(b"0123456789abcdef0123456789abcdef").decode()
URL = "http://127.0.0.1:1/hook?a=1"


class Post:
    """Answers with each status in turn, the last one for ever; an exception is raised."""

    def __init__(self, *answers: int | Exception) -> None:
        self.sent: list[tuple[Receiver, str, Mapping[str, str], bytes]] = []
        self._answers = list(answers)

    async def __call__(self, receiver: Receiver, address: str, headers: Mapping[str, str], body: bytes) -> int:
        self.sent.append((receiver, address, headers, body))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def sender(clock: Clock, answers: Post) -> Sender:
    return Sender(Receivers(("127.0.0.1",), private=True), (read_secret(SECRET),), clock, post=answers)


async def looked(folder: JobFolder, delivering: Delivering) -> None:
    """What is due was sent, and what came of it is written."""
    await delivering.look()
    await asyncio.gather(*delivering._sending)
    await folder.do(lambda: None)


def ended(folder: JobFolder) -> str:
    job = accepted(folder, webhook_url=URL)
    folder.store.cancel(job.id)
    return job.id


async def test_a_message_is_sent_until_it_is_taken(folder: JobFolder, clock: Clock) -> None:
    answers = Post(500, OSError("down"), 302, 204)
    job = ended(folder)
    delivering = Delivering(folder, sender(clock, answers), Changes(), clock)
    for wait in RETRIES[:3]:
        await looked(folder, delivering)
        tries = len(answers.sent)
        clock.now += wait - 1
        await looked(folder, delivering)
        assert len(answers.sent) == tries, "it is not tried before its time"
        clock.now += 1
    await looked(folder, delivering)
    clock.now += 100_000
    await looked(folder, delivering)
    assert len(answers.sent) == 4
    now = folder.store.get(job)
    assert now is not None
    assert now.delivery is not None
    assert (now.delivery.status, now.delivery.attempts) == (DeliveryStatus.DELIVERED, 4)
    bodies = {body for *_, body in answers.sent}
    assert len(bodies) == 1, "the same message each time"
    told = json.loads(bodies.pop())
    assert (told["type"], told["data"]["id"], told["object"]) == ("transcription.job.cancelled", job, "event")
    assert {headers["webhook-id"] for _, _, headers, _ in answers.sent} == {told["id"]}
    assert [receiver.target for receiver, *_ in answers.sent] == ["/hook?a=1"] * 4


async def test_nobody_is_asked_for_more_than_a_day(folder: JobFolder, clock: Clock) -> None:
    answers = Post(NoAnswer("x"))
    job = ended(folder)
    delivering = Delivering(folder, sender(clock, answers), Changes(), clock)
    began = clock.now
    for pause in (0, *RETRIES):
        clock.now += pause
        await looked(folder, delivering)
    assert len(answers.sent) == len(RETRIES) + 1
    assert 20 * 3600 < clock.now - began < 24 * 3600
    now = folder.store.get(job)
    assert now is not None
    assert now.delivery is not None
    assert now.delivery.status is DeliveryStatus.FAILED
    await looked(folder, delivering)
    assert delivering.pending == 0


async def test_who_is_gone_is_not_asked_again(folder: JobFolder, clock: Clock) -> None:
    answers = Post(410)
    ended(folder)
    delivering = Delivering(folder, sender(clock, answers), Changes(), clock)
    await looked(folder, delivering)
    clock.now += RETRIES[0]
    await looked(folder, delivering)
    assert len(answers.sent) == 1
    assert delivering.pending == 0


async def test_messages_outlive_their_process(folders: Folders, clock: Clock) -> None:
    """One that was in hand is sent again, and not twice by those who live."""
    one, other = folders.open(), folders.open()
    ended(one)
    assert one.outbox.take() is not None
    assert other.outbox.take() is None
    clock.now += 121
    message = other.outbox.take()
    assert message is not None
    assert message.attempt == 2


def test_signatures_are_those_of_the_standard() -> None:
    """As its own library verifies them, with either secret."""
    other, body = b"f" * 24, '{"a": "\u00fc"}'
    headers = signed_headers("msg_1", body, int(time()), (other, read_secret(SECRET)))
    for key in (SECRET, "whsec_" + b64encode(other).decode()):
        assert Webhook(key).verify(body, headers) == {"a": "\u00fc"}
    for forged in (headers | {"webhook-id": "msg_2"}, headers | {"webhook-timestamp": str(int(time()) - 1)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(SECRET).verify(body, forged)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body.replace("a", "b"), headers)


@pytest.mark.parametrize("secret", ["whsec_c2hvcnQ=", "whsec_%%%", "", "whsec_" + b64encode(bytes(65)).decode()])
def test_secrets_that_are_none(secret: str) -> None:
    with pytest.raises(ValueError, match=r"^a secret"):
        read_secret(secret)


# --------------------------------------------------------------------------------------------------------- who may be

ALLOWED = Receivers(("hooks.example", "*.hosts.example"))


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://hooks.example", Receiver("https", "hooks.example", 443, "/")),
        ("https://HOOKS.example:8443/a?b=c", Receiver("https", "hooks.example", 8443, "/a?b=c")),
        ("https://a.b.hosts.example/x", Receiver("https", "a.b.hosts.example", 443, "/x")),
    ],
)
def test_receivers_that_the_operator_named(url: str, told: Receiver) -> None:
    assert ALLOWED.read(url) == told


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/",
        "ftp://hooks.example/",
        "https://hooks.example.evil.example/",
        "https://hosts.example/",
        "https://evilhosts.example/",
        "https://hooks.example@evil.example/",
        "https://user@hooks.example/",
        "https://hooks.example/#f",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nX: 1",
        "https://hooks.example:x/",
        "https:///a",
        "https://[::1/",
        "hooks.example",
        "",
        "https://hooks.example/" + "a" * 2048,
    ],
)
def test_urls_that_nothing_is_sent_to(url: str) -> None:
    with pytest.raises(ForbiddenReceiver):
        ALLOWED.read(url)
    with pytest.raises(ForbiddenReceiver):
        Receivers(()).read("https://hooks.example/")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.169.254",
        "192.168.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
async def test_addresses_that_nobody_outside_has(address: str) -> None:
    receivers = Receivers(("*",))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(ForbiddenReceiver, match="no public address"):
        await receivers.address_of(receivers.read(f"https://{host}/"))
    private = Receivers(("*",), private=True)
    assert await private.address_of(private.read(f"http://{host}/"))


async def test_a_public_address_is_taken() -> None:
    receivers = Receivers(("*",))
    assert await receivers.address_of(receivers.read("https://93.184.215.14/")) == "93.184.215.14"
    assert await receivers.address_of(receivers.read("https://[2606:4700::1111]/")) == "2606:4700::1111"


# -------------------------------------------------------------------------------------------------------- one request


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", 200),
        (b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n", 302),
        (b"", None),
        (b"SSH-2.0-x\r\n\r\n", None),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 20_000, None),
    ],
)
async def test_one_request_is_made_and_its_status_read(answer: bytes, status: int | None) -> None:
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"hello"))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        sending = post(Receiver("http", "hooks.example", port, "/x"), "127.0.0.1", {"webhook-id": "m"}, b"hello")
        if status is None:
            with pytest.raises((NoAnswer, OSError)):
                await sending
        else:
            assert await sending == status
    head = received[0].lower()
    assert head.startswith(b"post /x http/1.1\r\n")
    assert f"host: hooks.example:{port}\r\n".encode() in head
    assert b"content-length: 5\r\n" in head
    assert b"webhook-id: m\r\n" in head
