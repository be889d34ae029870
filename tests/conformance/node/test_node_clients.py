"""Clients for Node that are too heavy for the tests of every day: Vercel's AI SDK, Deepgram's SDK, LiveKit Agents."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import pytest
import soundfile  # type: ignore[import-untyped]

from model.tiny.recipe.scoring import edits, words_of
from tests.conformance.clients import NODE_AGENTS
from tests.conformance.conftest import KEY, Told, told_by
from tests.support.processes import ServerProcess
from tests.support.samples import TWO_SPEAKERS
from tests.support.tools import tool

CLIENTS = Path(__file__).parent / "clients"
WRONG_WORDS = 0.4
"""The share of a file's words that the tiny checkpoint may hear otherwise live, where it does not know the end."""
SECONDS = soundfile.info(TWO_SPEAKERS).duration

pytestmark = pytest.mark.skipif(
    not (NODE_AGENTS / "node_modules" / "ai").is_dir(),
    reason="the clients for Node are not installed (make conformance)",
)

Turns = list[dict[str, Any]]


class Client(Protocol):
    def __call__(self, name: str, mode: str) -> Told: ...


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "two_speakers.wav"
    samples, rate = soundfile.read(TWO_SPEAKERS, dtype="int16")
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


@pytest.fixture
def client(server: ServerProcess, recording: Path) -> Client:
    node = tool("node", "nodejs 20 or newer")

    def run(name: str, mode: str) -> Told:
        # The global WebSocket is behind this flag before Node 22.
        script = ["--experimental-websocket", str(CLIENTS / f"{name}.mjs")]
        return told_by([node, *script, server.url, KEY, str(recording), mode])

    return run


def check_live(texts: list[str], said: str) -> None:
    """``texts`` one after the other are what was said, as far as it can be heard live."""
    heard = [word for text in texts for word in words_of(text)]
    assert edits(words_of(said), heard) <= WRONG_WORDS * len(words_of(said)), " ".join(heard)


@pytest.mark.client("Vercel AI SDK")
class TestAiSdk:
    SEGMENTS: tuple[tuple[str, dict[str, Any] | None], ...] = (
        ("whisper-1", {"timestampGranularities": ["segment"]}),
        ("gpt-4o-transcribe-diarize", {"chunkingStrategy": {"type": "server_vad", "silenceDurationMs": 300}}),
        ("vibevoice-asr", {"responseFormat": "verbose_json"}),
        ("vibevoice-asr", {"responseFormat": "diarized_json"}),
    )
    """Of names that it does not know it asks for times where the format is named."""
    TEXT = ("vibevoice-asr", "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "gpt-transcribe")
    """It asks for json, which has no times."""
    LIVE = ("gpt-live-transcribe", "gpt-realtime-whisper", "gpt-transcribe")
    """The names with which it listens live, and no others."""

    def test_segments(self, client: Client, said: str, turns: Turns) -> None:
        whisper, openais, verbose, diarized = client("ai_sdk", json.dumps(self.SEGMENTS))
        for answer in (whisper, openais, verbose, diarized):
            assert answer["text"] == said
            assert [(each["startSecond"], each["endSecond"], each["text"]) for each in answer["segments"]] == [
                (turn["start"], turn["end"], turn["text"]) for turn in turns
            ]
            assert answer["seconds"] == pytest.approx(SECONDS, abs=0.01)
        assert whisper["language"] == verbose["language"] == "en"
        assert openais["speakers"] == diarized["speakers"] == [turn["speaker"] for turn in turns]

    def test_words(self, client: Client, said: str, turns: Turns) -> None:
        cases = [["whisper-1", {"timestampGranularities": wanted}] for wanted in (["word"], ["word", "segment"])]
        alone, both = client("ai_sdk", json.dumps(cases))
        assert [word["text"] for word in alone["segments"]] == said.split()
        assert [word["text"] for word in both["words"]] == said.split()
        assert [each["text"] for each in both["segments"]] == [turn["text"] for turn in turns]

    @pytest.mark.parametrize("options", [None, {"temperature": 0, "language": "en"}])
    def test_text(self, client: Client, said: str, options: dict[str, Any] | None) -> None:
        answers = client("ai_sdk", json.dumps([[model, options] for model in self.TEXT]))
        assert [(answer["text"], answer["language"]) for answer in answers] == [(said, "en")] * len(self.TEXT)

    @pytest.mark.parametrize("model", LIVE)
    def test_live(self, client: Client, said: str, model: str) -> None:
        told = client("ai_sdk", model)
        deltas = [entry["delta"] for entry in told if entry["kind"] == "transcript-delta"]
        assert len(deltas) > 1, "no text came while somebody spoke"
        assert [entry["kind"] for entry in told[-2:]] == ["transcript-final", "ended"]
        assert told[-1]["text"] == told[-2]["text"] == "".join(deltas)
        check_live([told[-1]["text"]], said)


@pytest.mark.client("@deepgram/sdk (Node)")
class TestDeepgram:
    def test_file(self, client: Client, said: str, turns: Turns) -> None:
        (told,) = client("deepgram_sdk", "file")
        (channel,) = told["answer"]["results"]["channels"]
        (best,) = channel["alternatives"]
        assert (best["transcript"], channel["detected_language"]) == (said, "en")
        assert [word["punctuated_word"] for word in best["words"]] == said.split()
        assert [speaker for speaker, _ in groupby(word["speaker"] for word in best["words"])] == [
            "AB".index(turn["speaker"]) for turn in turns
        ]
        assert [each["transcript"] for each in told["answer"]["results"]["utterances"]] == [
            turn["text"] for turn in turns
        ]

    def test_live(self, client: Client, said: str) -> None:
        told = client("deepgram_sdk", "live")
        assert [entry["kind"] for entry in told[-2:]] == ["message", "ended"]
        messages = [entry["message"] for entry in told if entry["kind"] == "message"]
        results = [message for message in messages if message["type"] == "Results"]
        final = [result["channel"]["alternatives"][0] for result in results if result["is_final"]]
        check_live([best["transcript"] for best in final], said)
        assert len(results) > len(final), "no interim results"
        assert {word["speaker"] for best in final for word in best["words"]} == {0, 1}
        assert messages[-1]["type"] == "Metadata"
        assert messages[-1]["duration"] == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.client("LiveKit Agents (Node), OpenAI")
class TestLiveKitOpenAI:
    def test_file(self, client: Client, said: str) -> None:
        final, _ended = client("livekit", "openai file")
        assert (final["text"], final["language"]) == (said, "en")

    def test_live(self, client: Client, said: str) -> None:
        told = client("livekit", "openai live")
        check_live([entry["text"] for entry in told if entry["kind"] == "final_transcript"], said)
        kinds = [entry["kind"] for entry in told]
        assert kinds[0] == "start_of_speech"
        assert "interim_transcript" in kinds
        assert kinds.count("start_of_speech") == kinds.count("end_of_speech") > 1


@pytest.mark.client("LiveKit Agents (Node), Deepgram")
class TestLiveKitDeepgram:
    def test_file(self, client: Client, said: str) -> None:
        final, _ended = client("livekit", "deepgram file")
        assert final["text"] == said
        assert " ".join(word["text"] for word in final["words"]) == said

    def test_live(self, client: Client, said: str) -> None:
        told = client("livekit", "deepgram live")
        final = [entry for entry in told if entry["kind"] == "final_transcript"]
        check_live([entry["text"] for entry in final], said)
        assert all(" ".join(word["text"] for word in entry["words"]) == entry["text"] for entry in final)
        kinds = [entry["kind"] for entry in told]
        assert kinds.index("start_of_speech") < kinds.index("final_transcript")
        assert "interim_transcript" in kinds


@pytest.mark.client("@deepgram/sdk (Node), Flux")
def test_deepgram_flux(client: Client, said: str, turns: Turns) -> None:
    told = client("deepgram_sdk", "flux")
    assert "error" not in {entry["kind"] for entry in told}
    assert [entry["kind"] for entry in told[-2:]] == ["message", "ended"]
    first, *infos = [entry["message"] for entry in told if entry["kind"] == "message"]
    assert (first["type"], {info["type"] for info in infos}) == ("Connected", {"TurnInfo"})
    ends = [info for info in infos if info["event"] == "EndOfTurn"]
    check_live([end["transcript"] for end in ends], said)
    assert [end["turn_index"] for end in ends] == [*range(len(ends))]
    assert len(ends) == len(turns)
    assert ends[-1]["trigger"] in ("model", "manual")
    assert "EagerEndOfTurn" in {info["event"] for info in infos}


@pytest.mark.client("LiveKit Agents (Node), Flux")
def test_livekit_flux(client: Client, said: str, turns: Turns) -> None:
    told = client("livekit", "flux live")
    final = [entry for entry in told if entry["kind"] == "final_transcript"]
    check_live([entry["text"] for entry in final], said)
    assert all(" ".join(word["text"] for word in entry["words"]) == entry["text"] for entry in final)
    kinds = [entry["kind"] for entry in told]
    assert kinds.count("start_of_speech") == kinds.count("end_of_speech") == len(final) == len(turns)
    assert {"interim_transcript", "preflight_transcript"} < set(kinds)
