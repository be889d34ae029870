"""A server whose model writes by turns, tried by every door: files and jobs, sessions, and what it cannot do.

With the small streaming checkpoint, which hears real speech.
"""

from __future__ import annotations

import io
import json
import os
import signal
from base64 import b64encode
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from typing import Any
from urllib.parse import urlencode

import httpx
import numpy as np
import numpy.typing as npt
import pytest
import soundfile  # type: ignore[import-untyped]
from websockets.sync.client import connect

from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.worker.load import ModelWishes, load_model
from server.protocols.openai.response_format import all_formats
from tests.server.http.conftest import assert_envelope, tone
from tests.server.http.test_jobs import done, submit
from tests.support import streaming_twin
from tests.support.samples import HELD_OUT
from tests.support.scripted_server import PATIENCE, RunningServer, running_server

DIALOGUE = HELD_OUT / "brief_16.flac"
SECONDS = 4
"""Of the dialogue: all that both people say, and two of the checkpoint's windows."""
POSITIONS = 4_096
Message = dict[str, Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    twin = partial(
        load_model,
        ModelWishes(
            str(streaming_twin.folder()),
            device="cpu",
            dtype="float32",
            kv_positions=POSITIONS,
            min_audio_seconds=60.0,
        ),
    )
    with running_server(twin, jobs_folder=tmp_path_factory.mktemp("jobs")) as running:
        yield running


@pytest.fixture(scope="module")
def samples() -> Samples:
    read: Samples = soundfile.read(DIALOGUE, dtype="float32")[0][: SECONDS * SAMPLE_RATE]
    return read


@pytest.fixture(scope="module")
def job(server: RunningServer, samples: Samples) -> str:
    """That is done."""
    accepted = submit(server, flac(samples)).json()["id"]
    assert done(server, accepted)["status"] == "completed"
    return str(accepted)


@pytest.fixture(scope="module")
def told(server: RunningServer, job: str) -> Message:
    """What is said of the file, with all that there is to say."""
    body: Message = result(server, job, "verbose_json").json()
    return body


def flac(samples: npt.NDArray[np.float32]) -> bytes:
    """[n], or [n, channels]."""
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="FLAC")
    return file.getvalue()


def result(server: RunningServer, job: str, form: str) -> httpx.Response:
    answer = httpx.get(f"{server.url}/v1/jobs/{job}/result", params={"response_format": form}, timeout=PATIENCE)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer


def post(server: RunningServer, file: bytes, **fields: object) -> httpx.Response:
    url = f"{server.url}/v1/audio/transcriptions"
    return httpx.post(url, files={"file": ("talk.flac", file)}, data=fields, timeout=PATIENCE)


def in_order(spans: list[Message], seconds: float) -> bool:
    inside = all(0 <= span["start"] <= span["end"] <= seconds + 0.01 for span in spans)
    return inside and all(one["start"] <= other["start"] for one, other in pairwise(spans))


# ---------------------------------------------------------------------------------------------------------- files


def test_who_said_what_with_times_that_are_places_to_listen_to(told: Message, samples: Samples) -> None:
    assert {segment["speaker"] for segment in told["segments"]} == {"A", "B"}
    assert len(told["text"].split()) > 5
    assert "Speaker" not in told["text"]
    assert in_order(told["segments"], samples.size / SAMPLE_RATE)


def test_every_format_of_a_job(server: RunningServer, job: str, told: Message) -> None:
    """Written of one answer, and with the same words."""
    for form in all_formats():
        answer = result(server, job, form.value)
        if form.value == "rttm":
            assert len(answer.text.splitlines()) >= 2
            continue
        written = answer.json()["text"] if "json" in form.value else answer.text
        place = 0
        for word in told["text"].split():
            place = written.index(word, place) + len(word)


def test_each_channel_for_itself_as_deepgram_tells_it(server: RunningServer, samples: Samples, told: Message) -> None:
    file = flac(np.stack([samples, np.roll(samples, SAMPLE_RATE)], axis=1))
    query = {"diarize": "true", "punctuate": "true", "multichannel": "true"}
    answer = httpx.post(f"{server.url}/v1/listen", params=query, content=file, timeout=PATIENCE)
    first, second = (channel["alternatives"][0] for channel in answer.json()["results"]["channels"])
    assert first["transcript"].split() == told["text"].split()
    assert {word["speaker"] for word in first["words"]} == {0, 1}
    assert second["transcript"]


# ------------------------------------------------------------------------------------------------------- sessions


def pieces(samples: Samples) -> Iterator[bytes]:
    """A quarter of a second at a time."""
    pcm = (samples * 32_768).astype("<i2").tobytes()  # what the file has, too
    yield from (pcm[at : at + SAMPLE_RATE // 2] for at in range(0, len(pcm), SAMPLE_RATE // 2))


def test_a_realtime_session_says_what_the_file_says(server: RunningServer, samples: Samples, told: Message) -> None:
    """As the page's live tab has it: with segments, who speaks in them, and what is not certain yet."""
    url = f"{server.url.replace('http', 'ws')}/v1/realtime?intent=transcription"
    heard: list[Message] = []
    with connect(url, proxy=None) as socket:

        def say(kind: str, **fields: object) -> None:
            socket.send(json.dumps({"type": kind} | fields))

        hearing = {"transcription": {"model": "whisper-1"}, "turn_detection": None}
        say("session.update", session={"type": "transcription", "audio": {"input": hearing}})
        for piece in pieces(samples):
            say("input_audio_buffer.append", audio=b64encode(piece).decode())
        say("input_audio_buffer.commit")
        while not heard or not heard[-1]["type"].endswith("transcription.completed"):
            heard.append(json.loads(socket.recv(timeout=PATIENCE)))
            assert heard[-1]["type"] != "error", heard[-1]
    deltas = "".join(event["delta"] for event in heard if event["type"].endswith("transcription.delta"))
    assert deltas == heard[-1]["transcript"]
    assert deltas.split() == told["text"].split()
    segments = [event for event in heard if event["type"].endswith("transcription.segment")]
    assert [segment["speaker"] for segment in segments] == [segment["speaker"] for segment in told["segments"]]
    assert " ".join(segment["text"] for segment in segments).split() == told["text"].split()
    assert in_order(segments, samples.size / SAMPLE_RATE)


def test_a_deepgram_session_says_it_too(server: RunningServer, samples: Samples, told: Message) -> None:
    """Without turns: at the end of one its window is filled up, and the small checkpoint hears other windows."""
    query = urlencode({"encoding": "linear16", "sample_rate": SAMPLE_RATE, "diarize": "true", "endpointing": "false"})
    heard: list[Message] = []
    with connect(f"{server.url.replace('http', 'ws')}/v1/listen?{query}", proxy=None) as socket:
        for piece in pieces(samples):
            socket.send(piece)
        socket.send('{"type":"CloseStream"}')
        while not heard or heard[-1]["type"] != "Metadata":
            heard.append(json.loads(socket.recv(timeout=PATIENCE)))
    finals = [one["channel"]["alternatives"][0] for one in heard if one["type"] == "Results" and one["is_final"]]
    words = [word for final in finals for word in final["words"]]
    assert [word["punctuated_word"] for word in words] == told["text"].split()
    assert {word["speaker"] for word in words} == {0, 1}
    assert in_order(words, samples.size / SAMPLE_RATE)


# ---------------------------------------------------------------------------------------------- what it cannot do


def test_it_is_told_how_long_a_recording_may_be(server: RunningServer) -> None:
    """By its own windows: less than of a model without."""
    (model,) = (
        one for one in httpx.get(f"{server.url}/v1/models", timeout=PATIENCE).json()["data"] if "capacity" in one
    )
    longest = model["capacity"]["recording_seconds"]
    assert 10.5 * longest + 6 * longest < POSITIONS < 10.5 * (longest + 30) + 6 * (longest + 30) + 256
    assert server.service.engine.capacity is not None
    assert server.service.engine.capacity.recording_seconds == pytest.approx(longest)
    refused = post(server, tone(longest + 10, rate=8_000))
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert f"which is {int(longest)} s" in refused.json()["error"]["message"]


def question() -> Message:
    sound = {"type": "input_audio", "input_audio": {"data": b64encode(tone(1.0)).decode(), "format": "wav"}}
    return {
        "model": "vibevoice-asr",
        "messages": [{"role": "user", "content": [sound, {"type": "text", "text": "Who?"}]}],
    }


@pytest.mark.parametrize("background", ["false", "true"])
def test_it_takes_no_instruction_and_knows_no_voices(server: RunningServer, background: str) -> None:
    """Refused at once, a job too."""
    refused = post(server, tone(1.0), instruction="Count the words.", background=background)
    assert "takes no instruction" in str(assert_envelope(refused, 400, "not_of_this_model")["message"])
    clip = f"data:audio/wav;base64,{b64encode(tone(3.0)).decode()}"
    known = {"known_speaker_names[]": "Ann", "known_speaker_references[]": clip}
    refused = post(server, tone(1.0), background=background, **known)
    error = assert_envelope(refused, 400, "invalid_value", "known_speaker_references")
    assert "writes no times" in str(error["message"])


def test_it_answers_no_questions(server: RunningServer) -> None:
    refused = httpx.post(f"{server.url}/v1/chat/completions", json=question(), timeout=PATIENCE)
    assert "answers no questions" in str(assert_envelope(refused, 400, "not_of_this_model")["message"])


def test_a_job_is_refused_while_no_worker_is_there_too(server: RunningServer) -> None:
    """What the model is stays known: nothing is accepted that can but fail."""
    engine = server.service.engine
    restarts = engine.restarts
    assert engine.worker_pid is not None
    os.kill(engine.worker_pid, signal.SIGKILL)
    server.wait_for(lambda: engine.restarts > restarts, "the worker is gone")
    refused = submit(server, tone(1.0), "?background=true", instruction="Count the words.")
    assert_envelope(refused, 400, "not_of_this_model")
