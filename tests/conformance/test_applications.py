"""What known applications send and read, made again from their sources, which each test names."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator

import httpx
import openai
import pytest
import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]

from model.seam.audio import Samples
from model.tiny.recipe.scoring import edits
from tests.conformance import requests
from tests.conformance.conftest import KEY
from tests.conformance.requests import Form
from tests.server.audio_in.audio_media import Format, media
from tests.support.processes import ServerProcess
from tests.support.samples import TWO_SPEAKERS

PATH = "/v1/audio/transcriptions"
AUTHORIZATION = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def sound() -> Samples:
    samples, _ = soundfile.read(TWO_SPEAKERS, dtype="float32")
    loud: Samples = samples
    return loud


@pytest.fixture(scope="module")
def wav(sound: Samples) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, sound, 24_000, format="WAV", subtype="PCM_16")
    return file.getvalue()


@pytest.fixture(scope="module")
def http(server: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers=AUTHORIZATION, timeout=120) as client:
        yield client


def send(http: httpx.Client, form: Form, *, chunked: bool = False) -> httpx.Response:
    content = form.in_chunks() if chunked else form.body
    answer = http.post(PATH, content=content, headers={"content-type": form.content_type})
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer


def check_lossy(text: str, said: str) -> None:
    """A codec may have changed a word or two of what the tiny checkpoint hears."""
    assert edits(said.split(), text.split()) <= 2, text


@pytest.mark.client("Open WebUI")
@pytest.mark.parametrize("language", [None, "en"])
def test_open_webui(http: httpx.Client, wav: bytes, said: str, language: str | None) -> None:
    """backend/open_webui/routers/audio, _transcribe_openai: a form in chunks of which the length is not told."""
    fields = [("model", "vibevoice-asr"), *([("language", language)] if language else [])]
    answer = send(http, requests.aiohttp(fields, wav, "d1f0a6c2-7c1b-4a53.wav"), chunked=True)
    assert answer.json()["text"] == said


@pytest.mark.client("Open WebUI")
def test_open_webui_with_json(http: httpx.Client, wav: bytes, said: str) -> None:
    """The same with ``api_request_format`` json."""
    recording = {"data": base64.b64encode(wav).decode(), "format": "wav"}
    answer = http.post(PATH, json={"model": "vibevoice-asr", "language": "en", "input_audio": recording})
    assert answer.status_code == httpx.codes.OK, answer.text
    assert answer.json()["text"] == said


@pytest.mark.client("Home Assistant")
async def test_home_assistant(server: ServerProcess, sound: Samples, said: str) -> None:
    """homeassistant/components/openai_conversation/stt.py: 16 kHz from a satellite, with a header put before it."""
    file = io.BytesIO()
    soundfile.write(file, soxr.resample(sound, 24_000, 16_000), 16_000, format="WAV", subtype="PCM_16")
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY) as client:
        answer = await client.audio.transcriptions.create(
            model="gpt-4o-mini-transcribe",
            file=("a.wav", file.getvalue()),
            response_format="json",
            language="en",
            prompt="The following conversation is a smart home user talking to Home Assistant.",
        )
    # The prompt is none of the tiny checkpoint's words, and changes some that it hears.
    assert edits(answer.text.split(), said.split()) <= len(said.split()) // 2
    assert answer.text


@pytest.mark.client("n8n")
def test_n8n(http: httpx.Client, sound: Samples, said: str) -> None:
    """nodes-langchain, OpenAi/actions/audio/transcribe.operation.ts: the answer is the next node's input as it is."""
    mp3 = media(Format("mp3", "libmp3lame"), 24_000, wave=sound[None])
    fields = [("model", "whisper-1"), ("language", "en")]
    answer = send(http, requests.node(fields, mp3, "data.mp3", "audio/mpeg"))
    assert answer.headers["content-type"].partition(";")[0] == "application/json"
    check_lossy(answer.json()["text"], said)


@pytest.mark.client("n8n")
def test_n8n_with_randomness(http: httpx.Client, wav: bytes) -> None:
    """The same with the option "Output Randomness"."""
    fields = [("model", "whisper-1"), ("temperature", "0.7")]
    assert send(http, requests.node(fields, wav, "data.wav", "audio/wav")).json()["text"]


@pytest.mark.client("Dify")
def test_dify(http: httpx.Client, wav: bytes, said: str) -> None:
    """dify_plugin/interfaces/model/openai_compatible/speech2text.py: a part without a type, named like its file."""
    answer = send(http, requests.urllib3([("model", "vibevoice-asr")], wav, "tmpq8d0s2jx.mp3"))
    assert answer.json()["text"] == said


@pytest.mark.client("LibreChat")
@pytest.mark.parametrize(
    ("container", "codec", "media_type"), [("webm", "libopus", "audio/webm"), ("ogg", "libopus", "audio/ogg")]
)
def test_librechat(
    http: httpx.Client,
    sound: Samples,
    said: str,
    container: str,
    codec: str,
    media_type: str,
) -> None:
    """api/server/services/Files/Audio/STTService.js: what a browser recorded, in a form by axios, the file first."""
    recorded = media(Format(container, codec), 48_000, wave=soxr.resample(sound, 24_000, 48_000)[None])
    fields = [("model", "whisper-1"), ("language", "en")]
    form = requests.node(fields, recorded, f"audio.{container}", media_type, first=True)
    text = send(http, form, chunked=True).json()["text"].strip()
    check_lossy(text, said)


@pytest.mark.client("SillyTavern")
def test_sillytavern(http: httpx.Client, wav: bytes, said: str) -> None:
    """src/endpoints/openai.js, /transcribe-audio: a file that is read while it is sent, then model and language."""
    fields = [("model", "whisper-1"), ("language", "en")]
    answer = send(http, requests.node(fields, wav, "audio.wav", "audio/wav", first=True), chunked=True)
    assert answer.json()["text"] == said


class TestSubtitleEdit:
    """SpeechToText/OpenAiCompatible/OpenAiSttService.cs: a form by .NET, times of segments with json."""

    pytestmark = pytest.mark.client("Subtitle Edit")
    FIELDS = (
        ("model", "vibevoice-asr"),
        ("language", "en"),
        ("response_format", "json"),
        ("timestamp_granularities[]", "segment"),
    )

    def test_whole(self, http: httpx.Client, wav: bytes, said: str) -> None:
        assert send(http, requests.dotnet(self.FIELDS, wav, "audio.wav", "audio/wav")).json()["text"] == said

    def test_streamed(self, http: httpx.Client, wav: bytes, said: str) -> None:
        """It goes by the lines ``event:``, and forgets data that stands under none."""
        fields = [*self.FIELDS, ("stream", "true"), ("temperature", "0.00")]
        answer = send(http, requests.dotnet(fields, wav, "audio.wav", "audio/wav"))
        assert answer.headers["content-type"].startswith("text/event-stream")
        events, kind = [], ""
        for line in answer.text.splitlines():
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:") and kind:
                events.append((kind, json.loads(line.removeprefix("data:"))))
            elif not line:
                kind = ""
        assert "".join(event["delta"] for kind, event in events if kind == "transcript.text.delta") == said
        assert (events[-1][0], events[-1][1]["text"]) == ("transcript.text.done", said)

    def test_times_of_words_beside_those_of_segments(self, http: httpx.Client, wav: bytes, said: str) -> None:
        """As it asked until May 2026; json has room for neither."""
        fields = [*self.FIELDS, ("timestamp_granularities[]", "word")]
        assert send(http, requests.dotnet(fields, wav, "audio.wav", "audio/wav")).json()["text"] == said
