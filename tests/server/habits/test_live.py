"""Live sessions: whatever the model does, a session comes to its end, and takes nothing back."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.server.habits.conftest import AUDIO, BAD_TURN, TALK, Habitual, assert_told, said
from tests.support.habits import Cure, Habit, command
from tests.support.scripted_server import PATIENCE

Message = dict[str, Any]
PCM = (AUDIO * 32767).astype("<i2").tobytes()
PIECE = 24_000
"""Half a second."""
HABITS = [Habit.WORDS, Habit.ADVANCING, Habit.TAGS, Habit.BLANK, Habit.BEYOND, Habit.CUT_WORD, Habit.SPEAKER_17]


def listen(server: Habitual, prompt: str) -> list[Message]:
    """What Deepgram's protocol says of the talk."""
    query = urlencode({"encoding": "linear16", "sample_rate": 24_000, "diarize": "true", "keyterm": prompt})
    with connect(f"{server.running.url.replace('http', 'ws')}/v1/listen?{query}", proxy=None) as socket:
        for at in range(0, len(PCM), PIECE):
            socket.send(PCM[at : at + PIECE])
        socket.send('{"type":"CloseStream"}')
        heard: list[Message] = []
        while not heard or heard[-1]["type"] != "Metadata":
            heard.append(json.loads(socket.recv(timeout=PATIENCE)))
    return heard


def transcribe(server: Habitual, prompt: str, sound: bytes | None = None) -> list[Message]:
    """What OpenAI's protocol says of the talk, or of another sound, up to its last item."""
    pcm = PCM if sound is None else sound
    url = f"{server.running.url.replace('http', 'ws')}/v1/realtime?intent=transcription"
    hearing = {"transcription": {"model": "whisper-1", "prompt": prompt}, "turn_detection": None}
    with connect(url, proxy=None) as socket:
        say(socket, "session.update", session={"type": "transcription", "audio": {"input": hearing}})
        for at in range(0, len(pcm), PIECE):
            say(socket, "input_audio_buffer.append", audio=b64encode(pcm[at : at + PIECE]).decode())
        say(socket, "input_audio_buffer.commit")
        heard: list[Message] = []
        while not heard or not heard[-1]["type"].endswith("transcription.completed"):
            heard.append(json.loads(socket.recv(timeout=PATIENCE)))
            assert heard[-1]["type"] != "error", heard[-1]
    return heard


def say(socket: ClientConnection, kind: str, **fields: object) -> None:
    socket.send(json.dumps({"type": kind} | fields))


def finals(heard: list[Message]) -> str:
    """The text that Deepgram's protocol calls final."""
    results = (one for one in heard if one["type"] == "Results" and one["is_final"])
    return " ".join(filter(None, (one["channel"]["alternatives"][0]["transcript"] for one in results)))


def plain(text: str) -> str:
    """Deepgram's transcripts are cut into words."""
    return "".join(text.split())


def test_the_honest_session(server: Habitual) -> None:
    assert plain(finals(listen(server, "nothing special"))) == plain(" ".join(said()))
    assert transcribe(server, "nothing special")[-1]["transcript"] == " ".join(said())


@pytest.mark.parametrize("habit", HABITS)
def test_a_session_ends_with_what_was_said(server: Habitual, habit: Habit) -> None:
    before = server.tokens
    heard = listen(server, command(habit, turn=BAD_TURN))
    assert_told(plain(finals(heard)), [plain(turn) for turn in said(until=BAD_TURN)])
    words = [word for one in heard if one["type"] == "Results" for word in one["channel"]["alternatives"][0]["words"]]
    assert all(0 <= word["start"] <= word["end"] <= AUDIO.size / 24_000 + 0.5 for word in words)
    assert server.tokens - before < 10_000, "it is asked some twenty times"


@pytest.mark.parametrize("habit", HABITS)
def test_what_was_told_is_not_taken_back(server: Habitual, habit: Habit) -> None:
    heard = transcribe(server, command(habit, Cure.TEMPERATURE, turn=BAD_TURN))
    deltas = (event["delta"] for event in heard if event["type"].endswith("transcription.delta"))
    transcript = heard[-1]["transcript"]
    assert "".join(deltas) == transcript
    assert_told(transcript, said(until=BAD_TURN))
    assert len(transcript) < 3 * sum(len(turn.text) for turn in TALK)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_chance_brings_a_session_has_an_end_and_takes_nothing_back(server: Habitual, seed: int) -> None:
    before = server.tokens
    heard = transcribe(server, f"<random {seed}>")
    deltas = (event["delta"] for event in heard if event["type"].endswith("transcription.delta"))
    assert "".join(deltas) == heard[-1]["transcript"]
    final = finals(listen(server, f"<random {seed}>"))
    assert len(final) < 3 * sum(len(turn.text) for turn in TALK)
    assert server.tokens - before < 20_000, "each of two sessions asks some twenty times"
