"""OpenAI's own clients, unmodified, against a running server: every format, streaming, errors."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol

import pytest
import srt  # type: ignore[import-untyped]
import webvtt

from tests.conformance.conftest import KEY
from tests.support.processes import ServerProcess
from tests.support.samples import TWO_SPEAKERS, truth
from tests.support.tools import missing, tool

HERE = Path(__file__).parent


class Call(Protocol):
    """Runs one call in a client and returns what it printed: {answer}, {events} or {error}."""

    def __call__(
        self, call: str = "transcribe", *, file: Path = TWO_SPEAKERS, key: str = KEY, **parameters: Any
    ) -> Any: ...


def client_command(name: str) -> list[str]:
    if name == "python":
        return [sys.executable, str(HERE / "openai_client.py")]
    node = tool("node", "nodejs 20 or newer")
    if not (HERE / "node_modules" / "openai").is_dir():
        missing("the Node client is not installed (npm ci --prefix tests/conformance)")
    return [node, str(HERE / "openai_client.mjs")]


@pytest.fixture(
    params=[
        pytest.param("python", marks=pytest.mark.client("openai (Python)")),
        pytest.param("node", marks=pytest.mark.client("openai (Node)")),
    ]
)
def openai(request: pytest.FixtureRequest, server: ServerProcess) -> Call:
    command = client_command(request.param)

    def run(call: str = "transcribe", *, file: Path = TWO_SPEAKERS, key: str = KEY, **parameters: Any) -> Any:
        asked = {
            "base_url": f"{server.url}/v1",
            "api_key": key,
            "call": call,
            "file": str(file),
            "parameters": parameters,
        }
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, timeout=90, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def test_json(openai: Call, said: str) -> None:
    answer = openai(response_format="json")["answer"]
    assert answer["text"] == said
    assert answer["usage"]["type"] == "tokens"
    assert answer["usage"]["total_tokens"] == answer["usage"]["input_tokens"] + answer["usage"]["output_tokens"]


def test_logprobs(openai: Call) -> None:
    answer = openai(response_format="json", include=["logprobs"])["answer"]
    assert answer["logprobs"]
    assert all(token["logprob"] <= 0 for token in answer["logprobs"])


def test_text(openai: Call, said: str) -> None:
    assert openai(response_format="text")["answer"].strip() == said


def test_srt(openai: Call, said: str) -> None:
    cues = list(srt.parse(openai(response_format="srt")["answer"]))
    assert all(cue.start < cue.end for cue in cues)
    turns = re.split(r"Speaker \d: ", " ".join(cue.content for cue in cues))
    assert len(turns) > 2
    assert " ".join(turns).split() == said.split()


def test_vtt(openai: Call, said: str) -> None:
    captions = webvtt.from_string(openai(response_format="vtt")["answer"]).captions
    assert all(caption.start < caption.end for caption in captions)
    assert {caption.voice for caption in captions} == {"Speaker 1", "Speaker 2"}
    assert " ".join(caption.text for caption in captions).split() == said.split()


def test_verbose_json(openai: Call, said: str) -> None:
    answer = openai(response_format="verbose_json")["answer"]
    assert answer["text"] == said
    assert [segment["id"] for segment in answer["segments"]] == list(range(len(answer["segments"])))
    assert all(0 <= segment["start"] < segment["end"] <= answer["duration"] + 0.5 for segment in answer["segments"])
    assert not answer.get("words")


def test_word_times(openai: Call, said: str) -> None:
    answer = openai(response_format="verbose_json", timestamp_granularities=["word", "segment"])["answer"]
    assert [word["word"] for word in answer["words"]] == said.split()
    assert answer["segments"]


def test_diarized_json_is_who_said_what_when(openai: Call) -> None:
    answer = openai(response_format="diarized_json", chunking_strategy="auto")["answer"]
    spoken = truth(TWO_SPEAKERS)
    assert answer["text"] == " ".join(turn["Content"] for turn in spoken)
    assert [segment["text"] for segment in answer["segments"]] == [turn["Content"] for turn in spoken]
    assert [segment["speaker"] for segment in answer["segments"]] == ["AB"[turn["Speaker"]] for turn in spoken]
    for segment, turn in zip(answer["segments"], spoken, strict=True):
        assert segment["type"] == "transcript.text.segment"
        assert (segment["start"], segment["end"]) == pytest.approx((turn["Start"], turn["End"]), abs=0.5)


@pytest.mark.parametrize("response_format", ["json", "text"])
def test_stream(openai: Call, said: str, response_format: str) -> None:
    events = openai(response_format=response_format, stream=True)["events"]
    *deltas, done = events
    assert {event["type"] for event in deltas} == {"transcript.text.delta"}
    assert len(deltas) > 1
    assert "".join(event["delta"] for event in deltas) == said
    assert (done["type"], done["text"]) == ("transcript.text.done", said)
    assert done["usage"]["output_tokens"] > 0


def test_diarized_stream(openai: Call, said: str) -> None:
    events = openai(response_format="diarized_json", stream=True)["events"]
    whole = openai(response_format="diarized_json")["answer"]
    segments = [event for event in events if event["type"] == "transcript.text.segment"]
    assert segments == whole["segments"]
    assert "".join(event["delta"] for event in events if event["type"] == "transcript.text.delta") == said
    assert events[-1]["type"] == "transcript.text.done"


def test_keywords_and_prompt_are_taken(openai: Call) -> None:
    assert openai(keywords=["Monday", "garden"], prompt="A talk about plans.")["answer"]["text"]


def test_models(openai: Call) -> None:
    (model,) = openai("models")["answer"]["data"]
    assert (model["id"], model["object"]) == ("vibevoice-asr", "model")
    assert openai("model", model="vibevoice-asr")["answer"]["id"] == "vibevoice-asr"


CLASSES = {
    400: {"BadRequestError"},
    401: {"AuthenticationError"},
    404: {"NotFoundError"},
    415: {"APIStatusError", "APIError"},  # the clients have no class for it; Python's and Node's common one
}


@pytest.mark.parametrize(
    ("call", "options", "status", "param"),
    [
        ("transcribe", {"response_format": "xml"}, 400, "response_format"),
        (
            "transcribe",
            {"response_format": "json", "timestamp_granularities": ["word"]},
            400,
            "timestamp_granularities",
        ),
        ("transcribe", {"temperature": 7}, 400, "temperature"),
        ("transcribe", {"model": "another"}, 404, "model"),
        ("transcribe", {"file": HERE / "package.json"}, 415, "file"),
        ("transcribe", {"key": "wrong"}, 401, None),
        ("translate", {}, 400, None),
        ("model", {"model": "another"}, 404, "model"),
    ],
)
def test_error(openai: Call, call: str, options: dict[str, Any], status: int, param: str | None) -> None:
    error = openai(call, **options)["error"]
    assert (error["status"], error["param"]) == (status, param)
    assert error["class"] in CLASSES[status]
    assert error["message"]
    assert error["request_id"]
