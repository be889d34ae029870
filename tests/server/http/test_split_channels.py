"""A call with a person on each channel, over HTTP: every format tells who was on which, whole and streamed."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import openai
import pytest
import soundfile  # type: ignore[import-untyped]
from openai.types.audio import TranscriptionDiarized, TranscriptionVerbose

from model.seam.audio import SAMPLE_RATE
from tests.server.http.conftest import assert_envelope
from tests.support.channel_runner import ChannelRunner, said, written
from tests.support.scripted_runner import Trouble
from tests.support.scripted_server import RunningServer, running_server

AGENT = written((0, 1, 0, "Good morning."), (2, 2.5, 0, "Fine."))
CALLER = written((0, 1, None, "[Silence]"), (1, 2, 0, "How are you?"), (2.5, 3, 1, "Me too."))
PROMPT = said(AGENT, CALLER)
TEXT = "Good morning. How are you? Fine. Me too."


def stereo(*, same: bool = False) -> bytes:
    channels = np.random.default_rng(7).standard_normal((3 * SAMPLE_RATE, 2)) * 0.1
    if same:
        channels[:, 1] = channels[:, 0]
    file = io.BytesIO()
    soundfile.write(file, channels, SAMPLE_RATE, format="WAV")
    return file.getvalue()


CALL = stereo()


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(ChannelRunner) as running:
        yield running


def post(
    server: RunningServer, file: bytes = CALL, lists: dict[str, list[str]] | None = None, **fields: str
) -> httpx.Response:
    given = {"channels": "split", "prompt": PROMPT} | fields | (lists or {})
    return httpx.post(f"{server.url}/v1/audio/transcriptions", files={"file": file}, data=given, timeout=60)


def test_verbose_json(server: RunningServer) -> None:
    answer = post(
        server, lists={"timestamp_granularities[]": ["segment", "word"]}, response_format="verbose_json"
    ).json()
    told = [(one["start"], one["channel"], one["speaker"], one["text"]) for one in answer["segments"]]
    assert told == [
        (0.0, 0, "A", "Good morning."),
        (0.0, 1, None, "[Silence]"),
        (1.0, 1, "B", "How are you?"),
        (2.0, 0, "A", "Fine."),
        (2.5, 1, "C", "Me too."),
    ]
    words = [(word["word"], word["channel"], word["speaker"]) for word in answer["words"]]
    assert words[:3] == [("Good", 0, "A"), ("morning.", 0, "A"), ("How", 1, "B")]
    assert answer["text"] == TEXT


def test_diarized_json_whole_and_streamed(server: RunningServer) -> None:
    answer = post(server, response_format="diarized_json").json()
    TranscriptionDiarized.model_validate(answer, strict=True)
    assert [(one["channel"], one["speaker"], one["text"]) for one in answer["segments"]] == [
        (0, "A", "Good morning."),
        (1, "B", "How are you?"),
        (0, "A", "Fine."),
        (1, "C", "Me too."),
    ]
    events = streamed(post(server, response_format="diarized_json", stream="true"))
    assert [event for event in events if event["type"] == "transcript.text.segment"] == answer["segments"]
    deltas = [event for event in events if event["type"] == "transcript.text.delta"]
    assert "".join(event["delta"] for event in deltas) == TEXT == events[-1]["text"]
    assert [segment["id"] for segment in answer["segments"]] == list(dict.fromkeys(e["segment_id"] for e in deltas))
    assert events[-1]["usage"] == answer["usage"]


def streamed(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in response.text.splitlines() if line.startswith("data: ")]


@pytest.mark.parametrize("answer_format", ["json", "text"])
def test_text_whole_and_streamed(server: RunningServer, answer_format: str) -> None:
    whole = post(server, response_format=answer_format)
    assert (whole.json()["text"] if answer_format == "json" else whole.text) == TEXT
    events = streamed(post(server, response_format=answer_format, stream="true"))
    assert "".join(event["delta"] for event in events[:-1]) == TEXT == events[-1]["text"]


def test_captions(server: RunningServer) -> None:
    srt = post(server, response_format="srt").text
    assert [line.removeprefix("- ") for line in srt.splitlines() if "Speaker" in line] == [
        "Speaker 1: Good morning.",
        "Speaker 2: How are you?",
        "Speaker 1: Fine.",
        "Speaker 3: Me too.",
    ]
    assert "<v Speaker 2>How are you?" in post(server, response_format="vtt").text


def test_logprobs_and_usage_are_of_all_channels(server: RunningServer) -> None:
    answer = post(server, lists={"include[]": ["logprobs"]}).json()
    assert "".join(token["token"] for token in answer["logprobs"]).count("you") == 1
    alone = post(server, channels="mix", prompt=AGENT).json()["usage"]
    other = post(server, channels="mix", prompt=CALLER).json()["usage"]
    assert answer["usage"]["total_tokens"] == alone["total_tokens"] + other["total_tokens"]


def test_openais_client_asks_for_it(server: RunningServer) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0, timeout=60) as client:
        answer = client.audio.transcriptions.create(
            file=("call.wav", CALL),
            model="whisper-1",
            response_format="verbose_json",
            prompt=PROMPT,
            extra_body={"channels": "split"},
        )
    assert isinstance(answer, TranscriptionVerbose)
    assert answer.segments is not None
    assert [segment.model_extra and segment.model_extra["channel"] for segment in answer.segments] == [0, 1, 1, 0, 1]


def test_json_bodies_too(server: RunningServer) -> None:
    body = {"input_audio": {"data": b64encode(CALL).decode()}, "channels": "split", "prompt": PROMPT}
    assert httpx.post(f"{server.url}/v1/audio/transcriptions", json=body, timeout=60).json()["text"] == TEXT
    refused = httpx.post(f"{server.url}/v1/audio/transcriptions", json=body | {"channels": 2}, timeout=60)
    assert_envelope(refused, 400, "invalid_value", "channels")


@pytest.mark.parametrize("value", ["left", "2", "splitted"])
def test_other_values_are_refused(server: RunningServer, value: str) -> None:
    assert_envelope(post(server, channels=value), 400, "invalid_value", "channels")


@pytest.mark.parametrize("value", ["mix", ""])
def test_without_it_channels_are_mixed_and_not_told(server: RunningServer, value: str) -> None:
    answer = post(server, channels=value, prompt=AGENT, response_format="verbose_json").json()
    assert answer["text"] == "Good morning. Fine."
    assert not any("channel" in segment for segment in answer["segments"])


def test_one_sound_on_two_channels_is_noted(server: RunningServer) -> None:
    answer = post(server, stereo(same=True), response_format="diarized_json", prompt=said(AGENT))
    assert [segment["channel"] for segment in answer.json()["segments"]] == [0, 0]
    (note,) = answer.json()["notes"]
    assert "the same" in note
    assert answer.headers["x-vibevoice-notes"] == note


def test_a_channel_that_fails_fails_the_request(server: RunningServer) -> None:
    assert_envelope(post(server, prompt=Trouble.OUT_OF_MEMORY), 503, "out_of_memory")
    (error,) = streamed(post(server, prompt=Trouble.OUT_OF_MEMORY, stream="true"))
    assert error["error"]["code"] == "out_of_memory"


def test_audio_of_both_channels_is_counted(server: RunningServer) -> None:
    before = server.metric("asr_audio_seconds_total", outcome="transcribed")
    post(server)
    assert server.metric("asr_audio_seconds_total", outcome="transcribed") == before + 6.0
    assert server.metric("asr_queue_audio_seconds") == 0


def test_deepgrams_multichannel(server: RunningServer) -> None:
    wanted = {"multichannel": "true", "utterances": "true", "diarize": "true", "keyterm": PROMPT}
    answer = httpx.post(f"{server.url}/v1/listen", params=wanted, content=CALL, timeout=60).json()
    assert answer["metadata"]["channels"] == 2
    transcripts = [channel["alternatives"][0]["transcript"] for channel in answer["results"]["channels"]]
    assert transcripts == ["Good morning. Fine.", "How are you? Me too."]
    told = [(one["channel"], one["speaker"], one["transcript"]) for one in answer["results"]["utterances"]]
    assert told == [(0, 0, "Good morning."), (1, 0, "How are you?"), (0, 0, "Fine."), (1, 1, "Me too.")]
    mixed = httpx.post(f"{server.url}/v1/listen", params={"multichannel": "false"}, content=CALL, timeout=60).json()
    assert (len(mixed["results"]["channels"]), mixed["metadata"]["channels"]) == (1, 1)


def test_diarization_tells_the_channel_too(server: RunningServer) -> None:
    """RTTM counts channels from 1."""
    answers = [
        httpx.post(
            f"{server.url}/v1/audio/diarization",
            files={"file": ("call.wav", CALL)},
            data={"channels": "split", "prompt": PROMPT, "response_format": wanted},
            timeout=60,
        )
        for wanted in ("json", "rttm")
    ]
    assert [(one["channel"], one["speaker"]) for one in answers[0].json()["segments"]] == [
        (0, "SPEAKER_00"),
        (1, "SPEAKER_01"),
        (0, "SPEAKER_00"),
        (1, "SPEAKER_02"),
    ]
    assert [line.split()[2] + line.split()[7] for line in answers[1].text.splitlines()] == [
        "1SPEAKER_00",
        "2SPEAKER_01",
        "1SPEAKER_00",
        "2SPEAKER_02",
    ]
