"""Clients that send whole recordings, in an environment of their own: gateways, frameworks, libraries."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import httpx
import openai
import pytest
import soundfile  # type: ignore[import-untyped]
import srt  # type: ignore[import-untyped]
import webvtt

from model.tiny.recipe.scoring import edits
from tests.conformance.clients import FILES
from tests.conformance.conftest import KEY, Told, told_by
from tests.support.processes import ServerProcess, free_port, wait_until
from tests.support.samples import TWO_SPEAKERS

PYTHON = FILES / "bin" / "python"
OFFLINE = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
"""LiteLLM fetches its list of prices at the start unless it is told not to."""
PROXY_KEY = "sk-conformance-0123456789abcdef0123456789abcdef"
PROXY_DEADLINE = 120.0
SECONDS = soundfile.info(TWO_SPEAKERS).duration

pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="the file clients are not installed (make conformance)")

Turns = list[dict[str, Any]]


class Client(Protocol):
    def __call__(self, name: str, mode: str = "") -> Told: ...


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample as WAV, which all of these clients can read."""
    path = tmp_path_factory.mktemp("recording") / "two_speakers.wav"
    samples, rate = soundfile.read(TWO_SPEAKERS, dtype="int16")
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def client(server: ServerProcess, recording: Path) -> Client:
    def run(name: str, mode: str = "") -> Told:
        module = f"tests.conformance.files.clients.{name}"
        command = [str(PYTHON), "-m", module, server.url, KEY, str(recording)]
        return told_by([*command, mode] if mode else command, OFFLINE)

    return run


def without_speakers(text: str) -> str:
    return " ".join(re.sub(r"^Speaker \d: ", "", text, flags=re.MULTILINE).split())


LITELLM_CASES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "words": {"timestamp_granularities": ["word"], "response_format": "verbose_json"},
    "speakers": {"response_format": "diarized_json"},
    "srt": {"response_format": "srt"},
    "vtt": {"response_format": "vtt"},
    "options": {"response_format": "json", "language": "en", "temperature": 0},
    "stream": {"response_format": "json", "stream": True},
    "stream of nothing": {"stream": True},
}
"""Named options go out as they are; verbose_json it adds by itself where no format is named."""


@pytest.fixture(scope="module")
def answers(client: Client) -> dict[str, Any]:
    """What LiteLLM's library makes of the cases."""
    told = client("litellm_library", json.dumps(list(LITELLM_CASES.values())))
    return dict(zip(LITELLM_CASES, (each["answer"] for each in told), strict=True))


@pytest.mark.client("LiteLLM")
class TestLiteLLM:
    @pytest.mark.parametrize("case", ["nothing", "stream of nothing"])
    def test_segments(self, answers: dict[str, Any], said: str, turns: Turns, case: str) -> None:
        """It charges by the duration."""
        answer = answers[case]
        assert (answer["text"], answer["language"]) == (said, "english")
        assert answer["duration"] == pytest.approx(SECONDS, abs=0.01)
        assert [(each["start"], each["text"]) for each in answer["segments"]] == [
            (turn["start"], turn["text"]) for turn in turns
        ]

    def test_word_times(self, answers: dict[str, Any], said: str) -> None:
        assert " ".join(word["word"] for word in answers["words"]["words"]) == said

    def test_speakers(self, answers: dict[str, Any], turns: Turns) -> None:
        assert [(each["speaker"], each["text"]) for each in answers["speakers"]["segments"]] == [
            (turn["speaker"], turn["text"]) for turn in turns
        ]

    def test_captions(self, answers: dict[str, Any], said: str) -> None:
        cues = srt.parse(answers["srt"]["text"])
        assert without_speakers("\n".join(cue.content for cue in cues)) == said
        captions = webvtt.from_string(answers["vtt"]["text"]).captions
        assert " ".join(" ".join(caption.text.split()) for caption in captions) == said

    def test_options(self, answers: dict[str, Any], said: str) -> None:
        assert answers["options"]["text"] == said

    def test_a_stream_is_handed_on(self, answers: dict[str, Any], said: str) -> None:
        """Its answer's text is the stream; from 1.110 on it takes the events apart."""
        events = answers["stream"].get("events")
        if events is None:
            lines = answers["stream"]["text"].splitlines()
            events = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
        assert "".join(event.get("delta", "") for event in events) == said
        assert events[-1]["text"] == said


@pytest.fixture(scope="module")
def proxy(server: ServerProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """LiteLLM's proxy in front of the server; its base URL."""
    folder, port = tmp_path_factory.mktemp("proxy"), free_port()
    upstream = {"model": "openai/vibevoice-asr", "api_base": f"{server.url}/v1", "api_key": KEY}
    model = {"model_name": "speech", "litellm_params": upstream, "model_info": {"mode": "audio_transcription"}}
    (folder / "config.json").write_text(json.dumps({"model_list": [model]}))  # which is YAML too
    command = [str(PYTHON.with_name("litellm")), "--config", "config.json", "--host", "127.0.0.1", "--port", str(port)]
    environment = {"PATH": f"{PYTHON.parent}:/usr/bin:/bin", "LITELLM_MASTER_KEY": PROXY_KEY, **OFFLINE}
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [*command, "--telemetry", "False"], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: _answers(port, running, folder / "log"), "LiteLLM's proxy is ready", PROXY_DEADLINE)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        running.terminate()
        running.wait()


def _answers(port: int, running: subprocess.Popen[bytes], log: Path) -> bool:
    assert running.poll() is None, log.read_text()
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/readiness", timeout=5).is_success
    except httpx.TransportError:
        return False


@pytest.mark.client("LiteLLM proxy")
class TestLiteLLMProxy:
    @pytest.fixture
    def gateway(self, proxy: str) -> Iterator[openai.OpenAI]:
        with openai.OpenAI(base_url=proxy, api_key=PROXY_KEY, max_retries=0, timeout=120) as client:
            yield client

    def test_text(self, gateway: openai.OpenAI, recording: Path, said: str) -> None:
        assert gateway.audio.transcriptions.create(file=recording, model="speech").text == said

    def test_speakers(self, gateway: openai.OpenAI, recording: Path, turns: Turns) -> None:
        answer = gateway.audio.transcriptions.create(file=recording, model="speech", response_format="diarized_json")
        speakers = [speaker for speaker, _ in groupby(segment.speaker for segment in answer.segments)]
        assert speakers == [speaker for speaker, _ in groupby(turn["speaker"] for turn in turns)]

    def test_segments(self, gateway: openai.OpenAI, recording: Path, turns: Turns) -> None:
        answer = gateway.audio.transcriptions.create(file=recording, model="speech", response_format="verbose_json")
        assert answer.segments is not None
        assert [(each.start, each.text) for each in answer.segments] == [(t["start"], t["text"]) for t in turns]
        assert answer.language == "english"

    def test_a_stream_of_which_no_format_was_named_comes_whole(self, proxy: str, recording: Path, said: str) -> None:
        """The proxy asks for verbose_json with ``stream=true``, and hands the answer on as JSON."""
        with recording.open("rb") as file:
            answer = httpx.post(
                f"{proxy}/audio/transcriptions",
                headers={"authorization": f"Bearer {PROXY_KEY}"},
                files={"file": ("a.wav", file)},
                data={"model": "speech", "stream": "true"},
                timeout=120,
            )
        assert answer.status_code == httpx.codes.OK, answer.text
        assert answer.json()["text"] == said


@pytest.mark.client("LangChain")
def test_langchain(client: Client, said: str) -> None:
    """It sends MP3 of what it reads, of which the tiny checkpoint may hear a word or two otherwise."""
    formats = ["json", "text", "verbose_json", "srt"]
    told = client("langchain", " ".join(formats))
    for response_format, documents in zip(formats, told, strict=True):
        (text,) = documents["texts"]
        if response_format == "srt":
            text = without_speakers("\n".join(cue.content for cue in srt.parse(text)))
        assert edits(said.split(), text.split()) <= 2, response_format


@pytest.mark.client("Esperanto")
def test_esperanto(client: Client, said: str) -> None:
    compatible, *others = client("esperanto")
    assert compatible["models"] == ["vibevoice-asr"]
    assert {answer["provider"]: answer["text"] for answer in (compatible, *others)} == {
        "openai-compatible": said,
        "openai": said,
        "deepgram": said,
    }


@pytest.mark.client("SpeechRecognition")
def test_speech_recognition(client: Client, said: str) -> None:
    plain, prompted, named = client("speech_recognition")
    assert plain["text"] == named["text"] == said
    assert prompted["text"]
