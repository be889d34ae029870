"""Clients of Deepgram's /v1/listen: its own SDK and the agent frameworks' plugins."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import soundfile  # type: ignore[import-untyped]

from tests.conformance.conftest import Told
from tests.conformance.live.conftest import Client, Spoken, heavy, turns_of
from tests.support.samples import SHORT

pytestmark = heavy

RATE = 16_000


def seconds(recording: Path) -> float:
    info = soundfile.info(recording)
    return float(info.frames / info.samplerate)


def messages(told: Told, kind: str) -> list[dict[str, Any]]:
    """Those that the SDK read as its own class ``ListenV1<kind>``."""
    return [entry["message"] for entry in told if entry["kind"] == "message" and entry["class"] == f"ListenV1{kind}"]


def alternative(result: dict[str, Any]) -> dict[str, Any]:
    best: dict[str, Any] = result["channel"]["alternatives"][0]
    return best


def check_words(best: Iterable[dict[str, Any]], spoken: Spoken) -> None:
    """Words are the transcripts', they follow each other, and those who speak take turns as in the file's answer."""
    words = []
    for each in best:
        assert [word["punctuated_word"] for word in each["words"]] == each["transcript"].split()
        words += each["words"]
    assert turns_of(word["speaker"] for word in words) == spoken.speakers
    assert all(word["start"] < word["end"] for word in words)
    assert all(before["start"] < after["start"] for before, after in pairwise(words))
    assert words[0]["start"] == pytest.approx(spoken.segments[0]["start"], abs=0.5)
    assert words[-1]["end"] == pytest.approx(spoken.segments[-1]["end"], abs=0.5)


@pytest.mark.client("deepgram-sdk (Python)")
@pytest.mark.parametrize("mode", ["close", "finalize"])
def test_deepgram_sdk_live(client: Client, spoken: Spoken, mode: str) -> None:
    told = client("deepgram_live", mode, rate=RATE)
    assert "error" not in {entry["kind"] for entry in told}
    results = messages(told, "Results")
    final = [result for result in results if result["is_final"]]
    spoken.check_text(alternative(result)["transcript"] for result in final)
    check_words(map(alternative, final), spoken)
    for before, after in pairwise(final):
        assert before["start"] + before["duration"] == pytest.approx(after["start"], abs=0.01)
    assert len(results) > len(final), "no interim results"
    assert messages(told, "SpeechStarted")
    assert any(result["from_finalize"] for result in final) == (mode == "finalize")
    (metadata,) = messages(told, "Metadata")
    assert metadata["duration"] == pytest.approx(final[-1]["start"] + final[-1]["duration"], abs=0.1)
    assert metadata["duration"] == pytest.approx(seconds(spoken.recording), abs=0.1)
    assert metadata["request_id"] == final[0]["metadata"]["request_id"]
    assert [entry["kind"] for entry in told[-2:]] == ["closed", "ended"]
    assert told[-2]["code"] == 1000


@pytest.mark.client("deepgram-sdk (Python)")
@pytest.mark.parametrize("spoken", [SHORT], indirect=True)
def test_deepgram_sdk_with_a_temporary_token(client: Client, spoken: Spoken) -> None:
    granted, *told = client("deepgram_live", "grant", rate=RATE)
    assert granted == {"kind": "granted", "seconds": 60}
    final = [result for result in messages(told, "Results") if result["is_final"]]
    spoken.check_text(alternative(result)["transcript"] for result in final)
    assert told[-2]["code"] == 1000


@pytest.mark.client("deepgram-sdk (Python)")
def test_deepgram_sdk_file(client: Client, spoken: Spoken) -> None:
    (told,) = client("deepgram_file", rate=RATE)
    assert (told["kind"], told["class"]) == ("answer", "ListenV1Response")
    results = told["answer"]["results"]
    (best,) = results["channels"][0]["alternatives"]
    spoken.check_text([best["transcript"]])
    check_words([best], spoken)
    assert " ".join(utterance["transcript"] for utterance in results["utterances"]) == best["transcript"]
    assert told["answer"]["metadata"]["duration"] == pytest.approx(seconds(spoken.recording), abs=0.1)


@pytest.mark.client("deepgram-sdk (Python)")
@pytest.mark.parametrize("spoken", [SHORT], indirect=True)
def test_deepgram_sdk_channels(client: Client, spoken: Spoken) -> None:
    """The recording on one channel, and on the other one behind it: each says all of it, and both which they are."""
    told = client("deepgram_channels", rate=RATE)
    answer = told[0]["answer"]
    assert answer["metadata"]["channels"] == 2
    for channel in answer["results"]["channels"]:
        spoken.check_text([channel["alternatives"][0]["transcript"]])
    utterances = answer["results"]["utterances"]
    assert [one["channel"] for one in utterances] == [0] * len(spoken.segments) + [1] * len(spoken.segments)
    assert {one["speaker"] for one in utterances} == {0}

    final = [result for result in messages(told, "Results") if result["is_final"]]
    for number in range(2):
        own = [result for result in final if result["channel_index"] == [number, 2]]
        spoken.check_text(alternative(result)["transcript"] for result in own)
    assert {tuple(started["channel"]) for started in messages(told, "SpeechStarted")} == {(0, 2), (1, 2)}
    (metadata,) = messages(told, "Metadata")
    assert metadata["channels"] == 2
    assert metadata["duration"] == pytest.approx(2 * seconds(spoken.recording), abs=0.1)


@pytest.mark.client("LiveKit Agents (Python), Deepgram")
def test_livekit(client: Client, spoken: Spoken) -> None:
    told = client("livekit_deepgram", rate=RATE)
    final = [entry for entry in told if entry["kind"] == "final_transcript"]
    spoken.check_text(entry["text"] for entry in final)
    assert turns_of(entry["speaker"] for entry in final) == spoken.speakers
    assert None not in {entry["speaker"] for entry in final}
    assert all(" ".join(word[0] for word in entry["words"]) == entry["text"] for entry in final)
    kinds = [entry["kind"] for entry in told]
    assert "interim_transcript" in kinds
    assert kinds.index("start_of_speech") < kinds.index("final_transcript")
    assert kinds.count("start_of_speech") == kinds.count("end_of_speech")
    assert kinds[-1] == "ended"


@pytest.mark.client("Pipecat, Deepgram")
def test_pipecat(client: Client, spoken: Spoken) -> None:
    told = client("pipecat_deepgram", rate=RATE)
    kinds = [entry["kind"] for entry in told]
    assert "error" not in kinds
    spoken.check_text(entry["text"] for entry in told if entry["kind"] == "final")
    assert kinds.count("started") == kinds.count("stopped") > 1
    assert kinds[-1] == "ended"


@pytest.mark.parametrize("spoken", [SHORT], indirect=True)
def test_wrong_key(client: Client) -> None:
    """Refused before the connection is open, which is what clients do not try again."""
    assert client("deepgram_live", rate=RATE, key="wrong") == [{"kind": "refused", "status": 401}]
