"""Live sessions leave a server that stops, or that they lost, and go on at another one: no word is lost or doubled."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.server.http.conftest import KEY, OTHER_KEY
from tests.support.counting import Counting, load_client
from tests.support.processes import wait_until
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

SECRET = "the secret of both replicas"
SECOND = bytes(2 * 24_000)
SOUND = "encoding=linear16&sample_rate=24000"
PATHS = {"listen": f"/v1/listen?{SOUND}&diarize=true", "flux": f"/v2/listen?{SOUND}", "realtime": "/v1/realtime?"}
UPDATES = {"listen": "Resumption", "flux": "Resumption", "realtime": "session.resumption_update"}
RESUME = {"listen": "Resume", "flux": "Resume", "realtime": "session.resume"}
Message = dict[str, Any]


@contextmanager
def counting_server(script: Counting | None = None, **settings: Any) -> Iterator[RunningServer]:
    given = {"resume_secret": SECRET} | settings
    with running_server(transcribers=(script or Counting()).make, **given) as running:
        yield running


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with counting_server() as running:
        yield running


@contextmanager
def session(
    server: RunningServer, kind: str, *, resume: bool = True, key: str | None = None
) -> Iterator[ClientConnection]:
    url = server.url.replace("http", "ws", 1) + PATHS[kind] + ("&resume=true" if resume else "")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with connect(url, proxy=None, open_timeout=60, compression=None, additional_headers=headers) as connection:
        if kind == "realtime":
            says(connection, {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}})
        yield connection


def says(connection: ClientConnection, message: Message) -> None:
    connection.send(json.dumps(message))


def speaks(connection: ClientConnection, kind: str, audio: bytes = SECOND) -> None:
    if kind == "realtime":
        says(connection, {"type": "input_audio_buffer.append", "audio": b64encode(audio).decode()})
    else:
        connection.send(audio)


def hears(connection: ClientConnection) -> Message:
    message: Message = json.loads(connection.recv(timeout=PATIENCE))
    return message


def hears_until(connection: ClientConnection, kind: str, **fields: object) -> Message:
    """The first message of this type with these fields."""
    while True:
        message = hears(connection)
        if message["type"] == kind and fields.items() <= message.items():
            return message


def rest(connection: ClientConnection) -> list[Message]:
    messages = []
    try:
        while True:
            messages.append(hears(connection))
    except ConnectionClosed:
        return messages


def caught_up(client: Any, seconds: float) -> bool:
    """There is a connection, and all words of so many seconds were told."""
    return client.connection is not None and client.heard >= seconds


async def reaches(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(wait_until, condition, "the client gets there", PATIENCE)


def words(messages: list[Message]) -> str:
    """All that is final in them."""
    said = []
    for message in messages:
        match message["type"]:
            case "Results" if message["is_final"]:
                said.append(message["channel"]["alternatives"][0]["transcript"])
            case "TurnInfo" if message["event"] == "EndOfTurn":
                said.append(message["transcript"])
            case "conversation.item.input_audio_transcription.delta":
                said.append(message["delta"])
    return " ".join(" ".join(said).split())


def expected(seconds: int) -> str:
    return " ".join(f"word {number}." for number in range(seconds))


# --------------------------------------------------------------------------------------------------------- draining


@pytest.mark.parametrize("kind", PATHS)
def test_sessions_run_on_while_the_server_drains_and_new_ones_go_elsewhere(kind: str) -> None:
    with counting_server(drain_seconds=3600) as server, session(server, kind) as client:
        speaks(client, kind)
        hears_until(client, UPDATES[kind])
        server.stop()
        server.wait_for(lambda: server.service.refusing, "it drains")
        with pytest.raises(InvalidStatus) as refused, session(server, kind):
            pass
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["retry-after"]) > 0
        speaks(client, kind)
        assert hears_until(client, UPDATES[kind], audio_start=2.0)


@pytest.mark.parametrize("kind", PATHS)
def test_at_the_end_of_the_drain_time_a_client_gets_what_it_goes_on_with(server: RunningServer, kind: str) -> None:
    with counting_server(drain_seconds=1.0) as leaving, session(leaving, kind) as client:
        for _ in range(2):
            speaks(client, kind)
        speaks(client, kind, SECOND[: len(SECOND) // 2])
        before = hears_until(client, UPDATES[kind], audio_start=2.0)
        leaving.stop()
        *messages, last = rest(client)
        assert last["type"] == UPDATES[kind]
        assert (last["closing"], last["audio_start"]) == ("shutting_down", 2.0)
        assert client.close_code == 1012
        assert not [message for message in messages if message["type"].lower() == "error"]
    del before
    with session(server, kind) as client:
        says(client, {"type": RESUME[kind], "resumption": last["resumption"]})
        for _ in range(2):
            speaks(client, kind)
        hears_until(client, UPDATES[kind], audio_start=4.0)


def test_who_does_not_ask_hears_nothing_new(server: RunningServer) -> None:
    known = {"Results", "Metadata", "Error"}
    with counting_server(drain_seconds=1.0) as leaving, session(leaving, "listen", resume=False) as client:
        speaks(client, "listen")
        says(client, {"type": "Resume", "resumption": {"token": "x"}})
        assert hears_until(client, "Error")["variant"] == "SchemaError"
        leaving.stop()
        messages = rest(client)
        assert {message["type"] for message in messages} <= known
        assert messages[-1]["variant"] == "shutting_down"
        assert client.close_code == 1012


# ------------------------------------------------------------------------------------------------------ going on


@pytest.mark.parametrize("kind", PATHS)
async def test_the_example_loses_no_word_and_doubles_none(server: RunningServer, kind: str) -> None:
    """Between two replicas, one of which stops, over connections that break."""
    url = "{}" + PATHS[kind]
    first = {"type": "session.update", "session": {"audio": {"input": {"turn_detection": None}}}}
    client = load_client().ResumingClient(
        url.format(server.url.replace("http", "ws", 1)), 48_000, first=(first,) if kind == "realtime" else (), wait=0.0
    )
    done = asyncio.Event()
    running = asyncio.create_task(client.run(done))
    try:
        async with asyncio.timeout(PATIENCE):
            for number in range(24):
                client.send(SECOND[: len(SECOND) // 2])
                await reaches(partial(caught_up, client, number / 2 - 1))
                if number in (3, 10, 11, 17):
                    client.connection.transport.abort()
            last = {"type": "input_audio_buffer.commit"} if kind == "realtime" else {"type": "CloseStream"}
            client.finish(last)
            if kind == "realtime":
                await reaches(lambda: any(m["type"].endswith(".completed") for m in client.messages))
                done.set()
            await running
    finally:
        running.cancel()
    assert words(client.messages) == expected(12)
    assert client.connections >= 4
    if kind == "listen":
        said = [m["channel"]["alternatives"][0]["words"] for m in client.messages if m["type"] == "Results"]
        assert [one[0]["speaker"] for one in said if one] == [number % 2 for number in range(12)]
        assert [m["duration"] for m in client.messages if m["type"] == "Metadata"] == [12.0]


def test_audio_from_before_the_place_is_dropped_and_an_old_token_does_no_harm(server: RunningServer) -> None:
    with session(server, "listen") as client:
        for _ in range(3):
            speaks(client, "listen")
        old = hears_until(client, "Resumption", audio_start=2.0)
        hears_until(client, "Resumption", audio_start=3.0)
    for _ in range(2):
        with session(server, "listen") as client:
            says(client, {"type": "Resume", "resumption": old["resumption"], "audio_start": 1.0})
            assert hears_until(client, "Resumed")["audio_start"] == 1.0
            for _ in range(3):
                speaks(client, "listen")
            says(client, {"type": "CloseStream"})
            assert words(rest(client)) == "word 2. word 3."


def test_what_was_committed_is_completed_elsewhere_under_its_name(server: RunningServer) -> None:
    with counting_server(Counting(mute=True)) as mute, session(mute, "realtime") as client:
        speaks(client, "realtime", SECOND + SECOND[: len(SECOND) // 2])
        says(client, {"type": "input_audio_buffer.commit"})
        item = hears_until(client, "input_audio_buffer.committed")["item_id"]
        update = hears_until(client, "session.resumption_update")
        assert update["audio_start"] == 1.0
    with session(server, "realtime") as client:
        says(client, {"type": "session.resume", "resumption": update["resumption"]})
        resumed = hears_until(client, "session.resumed")
        assert resumed["session"]["audio"]["input"]["turn_detection"] is None
        speaks(client, "realtime")
        completed = hears_until(client, "conversation.item.input_audio_transcription.completed")
        assert (completed["item_id"], completed["transcript"].split()[:2]) == (item, ["word", "0."])


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("token", ["", "x.y.z", "eyJhbGciOiJub25lIn0.e30."])
@pytest.mark.parametrize("kind", PATHS)
def test_what_nobody_signed_is_refused_in_the_shape_of_the_protocol(
    server: RunningServer, kind: str, token: str
) -> None:
    with session(server, kind) as client:
        says(client, {"type": RESUME[kind], "resumption": {"token": token}})
        match kind:
            case "realtime":
                error = hears_until(client, "error")["error"]
                assert (error["code"], error["param"]) == ("resume_token_invalid", "resumption")
            case "listen":
                assert hears_until(client, "Error")["variant"] == "resume_token_invalid"
            case "flux":
                assert hears_until(client, "Error")["code"] == "RESUME_TOKEN_INVALID"
                assert not rest(client)
                assert client.close_code == 1008
                return
        speaks(client, kind)
        assert hears_until(client, UPDATES[kind], audio_start=1.0), "it is a new session"


def test_the_token_of_another_key_or_protocol_is_refused() -> None:
    with counting_server(api_keys=(KEY, OTHER_KEY), resume_secret=None) as keyed:
        with session(keyed, "listen", key=KEY) as client:
            speaks(client, "listen")
            mine = hears_until(client, "Resumption")["resumption"]
        for kind, key, code in (("listen", OTHER_KEY, "variant"), ("flux", KEY, "code")):
            with session(keyed, kind, key=key) as client:
                says(client, {"type": "Resume", "resumption": mine})
                assert hears_until(client, "Error")[code].lower() == "resume_token_invalid"
        with session(keyed, "listen", key=KEY) as client:
            says(client, {"type": "Resume", "resumption": mine})
            assert hears_until(client, "Resumed")["audio_start"] == 1.0


def test_it_is_too_late_once_audio_was_heard(server: RunningServer) -> None:
    with session(server, "realtime") as client:
        speaks(client, "realtime")
        update = hears_until(client, "session.resumption_update", audio_start=1.0)
        says(client, {"type": "session.resume", "resumption": update["resumption"], "event_id": "mine"})
        error = hears_until(client, "error")["error"]
        assert (error["code"], error["event_id"]) == ("resume_too_late", "mine")
