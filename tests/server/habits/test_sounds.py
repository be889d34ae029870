"""Sounds that are no speech: told to who asks, in the shape of each protocol, and in nobody's text."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from websockets.sync.client import connect

from model.seam.audio import SAMPLE_RATE
from tests.server.habits.conftest import Habitual, habitual_server
from tests.support.scripted_server import PATIENCE
from tests.support.speaking_runner import CHECKPOINT
from tests.support.talks import PAUSE, Said, audio_of, wav_of

TALK = (
    Said(0, "Welcome to the evening news."),
    Said(None, "[Music]", 3.0),
    Said(1, "The first report comes from the north."),
    Said(None, "[Environmental Sounds]", 2.5),
)
CONCERT = (Said(None, "[Music]", 3.0),) * 8
MINUTES = 0.28
"""Windows of less than seventeen seconds."""
AUDIO = audio_of(TALK)
PCM = (AUDIO * 32767).astype("<i2").tobytes()
PIECE = 24_000
WORDS = [turn.text for turn in TALK if turn.speaker is not None]
MUSIC = (2 * PAUSE + TALK[0].seconds, 2 * PAUSE + TALK[0].seconds + TALK[1].seconds)
"""From when to when it plays."""
Told = list[tuple[str, float, float]]
Message = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[Habitual]:
    with habitual_server(CHECKPOINT, talk=(*TALK, *CONCERT), window_minutes=MINUTES) as habitual:
        yield habitual


def assert_all_told(sounds: Told) -> None:
    """Whole, in order, each moment once; longer ones may come in pieces."""
    assert list(dict.fromkeys(text for text, _, _ in sounds)) == [turn.text for turn in TALK if turn.speaker is None]
    assert all(start < end for _, start, end in sounds)
    assert all(one[2] <= other[1] for one, other in pairwise(sounds))
    played = [(start, end) for text, start, end in sounds if text == "[Music]"]
    assert (played[0][0], played[-1][1]) == pytest.approx(MUSIC, abs=0.4)


def converse(server: Habitual, path: str, query: dict[str, str]) -> list[Message]:
    """What a session of Deepgram's protocols says."""
    parameters = urlencode({"encoding": "linear16", "sample_rate": "24000"} | query)
    with connect(f"{server.running.url.replace('http', 'ws')}{path}?{parameters}", proxy=None) as socket:
        for at in range(0, len(PCM), PIECE):
            socket.send(PCM[at : at + PIECE])
        socket.send('{"type":"CloseStream"}')
        return [json.loads(message) for message in socket]


@pytest.mark.parametrize("asked", [True, False])
def test_listen(server: Habitual, asked: bool) -> None:
    heard = converse(server, "/v1/listen", {"tag_audio_events": str(asked).lower()})
    results = [one for one in heard if one["type"] == "Results" and one["is_final"]]
    text = " ".join(filter(None, (one["channel"]["alternatives"][0]["transcript"] for one in results)))
    assert text == " ".join(WORDS)
    sounds = [one for one in heard if one["type"] == "AudioEvent"]
    assert bool(sounds) == asked
    if asked:
        assert_all_told([(one["content"], one["start"], one["end"]) for one in sounds])
        assert all(one["channel"] == [0, 1] for one in sounds)


@pytest.mark.parametrize("asked", [True, False])
def test_flux(server: Habitual, asked: bool) -> None:
    heard = converse(server, "/v2/listen", {"tag_audio_events": str(asked).lower()})
    ends = [one["transcript"] for one in heard if one.get("event") == "EndOfTurn"]
    assert " ".join(filter(None, ends)) == " ".join(WORDS)
    assert [one["sequence_id"] for one in heard] == list(range(len(heard)))
    sounds = [one for one in heard if one["type"] == "AudioEvent"]
    assert bool(sounds) == asked
    if asked:
        assert_all_told([(one["content"], one["start"], one["end"]) for one in sounds])


@pytest.mark.parametrize("asked", [True, False])
def test_realtime(server: Habitual, asked: bool) -> None:
    url = f"{server.running.url.replace('http', 'ws')}/v1/realtime?intent=transcription"
    wish = {"tag_audio_events": True} if asked else {}
    hearing = {"transcription": {"model": "whisper-1", **wish}, "turn_detection": None}
    heard: list[Message] = []
    with connect(url, proxy=None) as socket:
        update = {"type": "transcription", "audio": {"input": hearing}}
        socket.send(json.dumps({"type": "session.update", "session": update}))
        for at in range(0, len(PCM), PIECE):
            audio = b64encode(PCM[at : at + PIECE]).decode()
            socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        while not heard or not heard[-1]["type"].endswith("transcription.completed"):
            heard.append(json.loads(socket.recv(timeout=PATIENCE)))
            assert heard[-1]["type"] != "error", heard[-1]
    (configured,) = (one["session"] for one in heard if one["type"] == "session.updated")
    assert configured["audio"]["input"]["transcription"].get("tag_audio_events", False) is asked
    deltas = (one["delta"] for one in heard if one["type"].endswith("transcription.delta"))
    assert heard[-1]["transcript"] == "".join(deltas) == " ".join(WORDS)
    segments = [one for one in heard if one["type"].endswith("transcription.segment")]
    sounds = [one for one in segments if one["speaker"] == ""]
    assert [one["text"] for one in segments if one["speaker"]] == WORDS
    assert bool(sounds) == asked
    if asked:
        assert_all_told([(one["text"], one["start"], one["end"]) for one in sounds])
        assert len({one["id"] for one in segments}) == len(segments)


def test_windows_in_which_nobody_speaks(server: Habitual) -> None:
    """Music is for the model to tell, and only what is silent is told without it."""
    concert = audio_of((*TALK, *CONCERT))[AUDIO.size :]
    room = np.random.default_rng(5).normal(0, 1e-4, 40 * SAMPLE_RATE).astype(np.float32)
    answer = server.post("", wav_of(np.concatenate([AUDIO, room, concert, room]))).json()
    assert answer["text"] == " ".join(WORDS)
    told = [(one["text"], one["start"], one["end"]) for one in answer["segments"] if one["speaker"] is None]
    music = [(start, end) for text, start, end in told if text == "[Music]"]
    assert len(music) == 1 + len(CONCERT)
    begin = (AUDIO.size + room.size) / SAMPLE_RATE
    assert begin - 0.1 < music[1][0] < music[-1][1] < begin + concert.size / SAMPLE_RATE
    silent = sum(end - start for text, start, end in told if text == "[Silence]")
    assert silent == pytest.approx(80, abs=25), "some lies in windows of something else"
