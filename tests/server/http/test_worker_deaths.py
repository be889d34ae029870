"""The whole server on the bundled checkpoint, whose worker is killed: every client hears what it would have heard.

``make test-rounds`` does it at twelve more moments, which takes minutes.
"""

from __future__ import annotations

import base64
import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
from websockets.sync.client import connect

from model.seam.audio import SAMPLE_RATE, Samples
from server.engine.worker.load import ModelWishes, load_model
from tests.support.processes import START_DEADLINE, wait_until
from tests.support.samples import SHORT, TWO_SPEAKERS
from tests.support.scripted_server import RunningServer, running_server

PATIENCE = 300.0
PATH = "/v1/audio/transcriptions"
TALK: Samples = soundfile.read(TWO_SPEAKERS, dtype="float32")[0][: 7 * SAMPLE_RATE]
BRIEF: Samples = soundfile.read(SHORT, dtype="float32")[0]
REFERENCE = TALK[: 3 * SAMPLE_RATE]

Answer = Any
Client = Callable[[RunningServer, threading.Event], Answer]
"""What a client has heard at its end. Live ones wait in the middle of their audio for the event."""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    factory = partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32"))
    with running_server(factory, ready=False, max_live_sessions=4) as running:
        wait_until(lambda: running.service.ready, "the model is loaded", START_DEADLINE)
        yield running


def wav(samples: Samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()


def post(server: RunningServer, samples: Samples, **fields: object) -> httpx.Response:
    answer = httpx.post(f"{server.url}{PATH}", files={"file": wav(samples)}, data=fields, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return answer


def told(segments: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(one["start"], one["end"], one.get("speaker"), one.get("channel"), one["text"]) for one in segments]


# ------------------------------------------------------------------------------------------------------------ clients


def upload(server: RunningServer, _: threading.Event) -> Answer:
    answer = post(server, TALK, response_format="verbose_json").json()
    return answer["text"], told(answer["segments"]), answer["usage"]


def streamed(server: RunningServer, _: threading.Event) -> Answer:
    """Drawn tokens: deltas, put together where they come one behind the other, segments between them, and the end."""
    wishes = {"stream": "true", "response_format": "diarized_json", "temperature": "0.5"}
    lines = post(server, TALK, **wishes).text.splitlines()
    events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: {")]
    heard: list[list[Any]] = []
    for event in events:
        kind = event["type"]
        if kind == "transcript.text.delta" and heard and heard[-1][0] == kind:
            heard[-1][1] += event["delta"]
        else:
            kept = {key: value for key, value in event.items() if key not in ("type", "id", "segment_id", "logprobs")}
            heard.append([kind, event["delta"] if kind == "transcript.text.delta" else kept])
    assert events[-1]["type"] == "transcript.text.done"
    return heard


def split(server: RunningServer, _: threading.Event) -> Answer:
    size = min(TALK.size, BRIEF.size)
    both = np.stack([TALK[:size], BRIEF[:size]], 1)
    answer = post(server, both, channels="split", response_format="verbose_json").json()
    return answer["text"], told(answer["segments"])


def known(server: RunningServer, _: threading.Event) -> Answer:
    clip = f"data:audio/wav;base64,{base64.b64encode(wav(REFERENCE)).decode()}"
    fields = {"known_speaker_names[]": ["Ada"], "known_speaker_references[]": [clip]}
    return told(post(server, BRIEF, response_format="diarized_json", **fields).json()["segments"])


def realtime(server: RunningServer, go_on: threading.Event) -> Answer:
    with connect(f"{server.url.replace('http', 'ws')}/v1/realtime?intent=transcription") as socket:

        def send(kind: str, **fields: object) -> None:
            socket.send(json.dumps({"type": kind} | fields))

        turns_off = {"input": {"turn_detection": None, "format": {"type": "audio/pcm", "rate": SAMPLE_RATE}}}
        send("session.update", session={"type": "transcription", "audio": turns_off})
        for number, half in enumerate(np.array_split(TALK, 2)):
            if number:
                go_on.wait(PATIENCE)
            for part in np.array_split(half, 20):
                pcm = (part * 32767).astype("<i2").tobytes()
                send("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())
        send("input_audio_buffer.commit")
        deltas = ""
        while True:
            event = json.loads(socket.recv(timeout=PATIENCE))
            assert event["type"] not in ("error", "conversation.item.input_audio_transcription.failed"), event
            if event["type"] == "conversation.item.input_audio_transcription.delta":
                deltas += event["delta"]
            if event["type"] == "conversation.item.input_audio_transcription.completed":
                assert deltas == event["transcript"]
                return event["transcript"]


def deepgram(server: RunningServer, go_on: threading.Event) -> Answer:
    query = f"encoding=linear16&sample_rate={SAMPLE_RATE}&interim_results=true&diarize=true"
    with connect(f"{server.url.replace('http', 'ws')}/v1/listen?{query}") as socket:
        for number, half in enumerate(np.array_split(TALK, 2)):
            if number:
                go_on.wait(PATIENCE)
            for part in np.array_split(half, 20):
                socket.send((part * 32767).astype("<i2").tobytes())
        socket.send('{"type":"CloseStream"}')
        finals = [json.loads(message) for message in socket]
    assert finals[-1]["type"] == "Metadata"
    said = [message["channel"]["alternatives"][0] for message in finals if message.get("is_final")]
    words = [(word["word"], word.get("speaker")) for one in said for word in one["words"]]
    return words, finals[-1]["duration"]


CLIENTS: dict[str, Client] = {made.__name__: made for made in (upload, streamed, split, known, realtime, deepgram)}

# -------------------------------------------------------------------------------------------------------------- tests


def all_at_once(server: RunningServer, disturb: Callable[[], None]) -> dict[str, Answer]:
    """What every client hears, while ``disturb`` happens and live clients are in the middle of their audio."""
    go_on = threading.Event()
    with ThreadPoolExecutor(len(CLIENTS)) as threads:
        futures = {name: threads.submit(client, server, go_on) for name, client in CLIENTS.items()}
        try:
            disturb()
        finally:
            go_on.set()
        return {name: future.result(PATIENCE) for name, future in futures.items()}


@pytest.fixture(scope="module")
def undisturbed(server: RunningServer) -> dict[str, Answer]:
    heard = all_at_once(server, lambda: None)
    assert all(heard.values())
    return heard


def kill_when(server: RunningServer, condition: Callable[[], bool], what: str) -> None:
    """Only the present worker's work counts: its counters begin at 0."""
    engine = server.service.engine
    wait_until(condition, what, PATIENCE)
    deaths, worker = engine.restarts, engine.worker_pid
    assert worker is not None
    os.kill(worker, signal.SIGKILL)
    wait_until(lambda: engine.restarts > deaths, "the worker died", PATIENCE)


def has_written(server: RunningServer, tokens: int) -> Callable[[], bool]:
    engine = server.service.engine
    before = 0 if engine.stats is None else engine.stats.done.answer_tokens
    return lambda: engine.stats is not None and engine.stats.done.answer_tokens >= before + tokens


def test_a_death_amid_the_answers(server: RunningServer, undisturbed: dict[str, Answer]) -> None:
    heard = all_at_once(server, lambda: kill_when(server, has_written(server, 40), "answers are written"))
    assert heard == undisturbed
    assert server.service.engine.restarts == 1


@pytest.mark.rounds
@pytest.mark.parametrize("seed", range(12))
def test_a_death_at_any_moment(request: pytest.FixtureRequest, seed: int) -> None:
    """While files are decoded and streams are fed, at the first token, in the middle; and again in the next worker."""
    if "rounds" not in str(request.config.option.markexpr):
        pytest.skip("many rounds: pytest -m rounds")
    server: RunningServer = request.getfixturevalue("server")
    undisturbed: dict[str, Answer] = request.getfixturevalue("undisturbed")
    random, engine = Random(seed), server.service.engine

    def disturb() -> None:
        if seed % 3 == 0:
            kill_when(server, lambda: engine.admission.requests > 0, "somebody was let in")
        else:
            kill_when(server, has_written(server, random.choice([1, 10, 100])), "answers are written")
        if seed % 2:
            wait_until(lambda: server.service.ready, "the next worker is ready", START_DEADLINE)
            kill_when(server, has_written(server, random.choice([1, 30])), "answers go on")

    wait_until(lambda: server.service.ready, "the worker is ready", START_DEADLINE)
    assert all_at_once(server, disturb) == undisturbed
    wait_until(lambda: engine.admission.requests == 0, "all has been given back", PATIENCE)
