"""``WS /v1/listen?multichannel=true``: two people, each on a channel, over a real socket."""

from __future__ import annotations

import asyncio
import io
import json
import threading
from collections.abc import AsyncIterator, Iterator
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile  # type: ignore[import-untyped]
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from model.seam.audio import SAMPLE_RATE
from server.live.vocabulary.events import Flushed, LiveEvent, SegmentCommitted
from server.transcript.segments import Segment
from tests.server.audio_in.audio_media import Format, media
from tests.server.live.test_channel_transcribers import Scripted
from tests.support.samples import SHORT, TWO_SPEAKERS
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import TEXT

Message = dict[str, Any]
RAW = f"encoding=linear16&sample_rate={SAMPLE_RATE}"
WEBM = Format("webm", "libopus", options=(("live", "1"),))


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(max_live_sessions=3) as running:
        yield running


@pytest.fixture(autouse=True)
def free_places(server: RunningServer) -> None:
    server.wait_for(lambda: server.service.live.active == 0, "the places of the test before are free")


@cache
def call() -> npt.NDArray[np.float32]:
    """[2, samples], five seconds: somebody else speaks on each side."""
    seconds = 5 * SAMPLE_RATE
    return np.stack([soundfile.read(path, seconds, dtype="float32", fill_value=0)[0] for path in (SHORT, TWO_SPEAKERS)])


def raw(channels: npt.NDArray[np.float32]) -> bytes:
    return (channels.T * 32767).astype("<i2").tobytes()


def wav(channels: npt.NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, channels.T, SAMPLE_RATE, format="WAV")
    return file.getvalue()


def url(server: RunningServer, query: str) -> str:
    return f"{server.url.replace('http', 'ws')}/v1/listen?{query}"


def session(server: RunningServer, query: str, audio: bytes, *messages: str) -> list[Message]:
    """All that is said in a session that sends the audio, these messages, and then its end."""
    with connect(url(server, query), proxy=None) as socket:
        for at in range(0, len(audio), 8_000):
            socket.send(audio[at : at + 8_000])
        for message in (*messages, "CloseStream"):
            socket.send(json.dumps({"type": message}))
        heard: list[Message] = []
        while not heard or heard[-1]["type"] != "Metadata":
            heard.append(json.loads(socket.recv(timeout=PATIENCE)))
    return heard


def finals(messages: list[Message], channel: list[int]) -> list[Message]:
    return [one for one in messages if one.get("channel_index") == channel and one["is_final"]]


def said(messages: list[Message], channel: list[int]) -> str:
    texts = (one["channel"]["alternatives"][0]["transcript"] for one in finals(messages, channel))
    return " ".join(filter(None, texts))


def test_two_people_at_once(server: RunningServer) -> None:
    query = f"{RAW}&channels=2&multichannel=true&diarize=true&vad_events=true&interim_results=true"
    heard = session(server, query, raw(call()), "Finalize")
    assert heard[-1]["channels"] == 2
    assert heard[-1]["duration"] == pytest.approx(5.0, abs=0.01)
    for channel in ([0, 2], [1, 2]):
        assert set(said(heard, channel).split()) == set(TEXT.split())
        results = finals(heard, channel)
        ends = [round(one["start"] + one["duration"], 3) for one in results]
        assert [one["start"] for one in results] == [0.0, *ends[:-1]], "final intervals join on every channel"
        assert ends[-1] == pytest.approx(5.0, abs=0.01)
        assert len([one for one in results if one["from_finalize"]]) == 1
        assert any(one["type"] == "SpeechStarted" and one["channel"] == channel for one in heard)
        words = [word for one in results for word in one["channel"]["alternatives"][0]["words"]]
        assert {word["speaker"] for word in words} == {0, 1}


def test_a_silent_side_says_nothing(server: RunningServer) -> None:
    sides = call().copy()
    sides[0] = 0
    heard = session(server, f"{RAW}&channels=2&multichannel=true", raw(sides))
    assert said(heard, [0, 2]) == ""
    assert said(heard, [1, 2])
    assert [one["start"] + one["duration"] for one in finals(heard, [0, 2])][-1] == pytest.approx(5.0, abs=0.01)


def test_without_it_channels_are_mixed(server: RunningServer) -> None:
    heard = session(server, f"{RAW}&channels=2", raw(call()))
    assert {tuple(one["channel_index"]) for one in heard[:-1]} == {(0, 1)}
    assert heard[-1]["channels"] == 1


@pytest.mark.parametrize("query", ["multichannel=true", "multichannel=true&channels=2"])
@pytest.mark.parametrize("container", ["wav", "webm"])
def test_containers_say_how_many_channels_they_have(server: RunningServer, container: str, query: str) -> None:
    file = wav(call()) if container == "wav" else media(WEBM, SAMPLE_RATE, wave=call())
    heard = session(server, query, file)
    assert heard[-1]["channels"] == 2
    assert all(said(heard, channel) for channel in ([0, 2], [1, 2]))


def test_a_container_of_one_channel(server: RunningServer) -> None:
    heard = session(server, "multichannel=true", wav(call()[:1]))
    assert heard[-1]["channels"] == 1
    assert said(heard, [0, 1])


def test_a_container_of_more_channels_than_were_told(server: RunningServer) -> None:
    with connect(url(server, "multichannel=true"), proxy=None) as socket:
        socket.send(wav(np.repeat(call(), 2, axis=0)))
        error = json.loads(socket.recv(timeout=PATIENCE))
        while error["type"] != "Error":
            error = json.loads(socket.recv(timeout=PATIENCE))
        assert "channels=4" in error["description"]
    server.wait_for(lambda: server.service.live.active == 0, "its places are free")


def test_each_channel_takes_a_place(server: RunningServer) -> None:
    two = f"{RAW}&channels=2&multichannel=true"
    with connect(url(server, two), proxy=None):
        assert server.service.live.active == 2
        assert server.metric("asr_live_active_sessions") == 2
        with pytest.raises(InvalidStatus) as caught:
            connect(url(server, two), proxy=None)
        assert caught.value.response.status_code == 429
        assert "2 of 3" in json.loads(caught.value.response.body or b"")["err_msg"]
        with connect(url(server, RAW), proxy=None):
            assert server.service.live.active == 3
    with pytest.raises(InvalidStatus) as caught:
        connect(url(server, f"{RAW}&channels=4&multichannel=true"), proxy=None)
    assert caught.value.response.status_code == 400
    assert "only 3" in json.loads(caught.value.response.body or b"")["err_msg"]


def test_audio_of_every_channel_is_counted(server: RunningServer) -> None:
    before = server.metric("asr_live_audio_seconds_total")
    session(server, f"{RAW}&channels=2&multichannel=true", raw(call()[:, :SAMPLE_RATE]))
    server.wait_for(lambda: server.service.live.active == 0, "it is over")
    assert server.metric("asr_live_audio_seconds_total") == pytest.approx(before + 2.0, abs=0.01)


class Late(Scripted):
    """Says a word when it is flushed; on the second channel only when the gate is open."""

    def __init__(self, gate: threading.Event | None) -> None:
        super().__init__()
        self._gate = gate

    async def __aiter__(self) -> AsyncIterator[LiveEvent]:
        async for event in super().__aiter__():
            if isinstance(event, Flushed):
                if self._gate is not None:
                    await asyncio.to_thread(self._gate.wait, PATIENCE)
                yield SegmentCommitted(Segment(0, 0.0, 0.5, 0, "word"))
            yield event


def test_a_stopping_server_lets_every_channel_have_its_last_words() -> None:
    gate = threading.Event()
    gates = iter([None, gate])
    with (
        running_server(transcribers=lambda *_: Late(next(gates)), drain_seconds=1.0) as server,
        connect(url(server, f"{RAW}&channels=2&multichannel=true&interim_results=true"), proxy=None) as socket,
    ):
        socket.send(bytes(4_800))
        server.wait_for(lambda: server.metric("asr_live_active_sessions") == 2, "it is heard")
        server.stop()
        told: list[Message] = []
        while not told or told[-1]["type"] != "Error":
            told.append(json.loads(socket.recv(timeout=PATIENCE)))
            gate.set()
        assert [one["channel_index"] for one in told[:-1]] == [[0, 2], [1, 2]]
        assert told[-1]["variant"] == "shutting_down"
