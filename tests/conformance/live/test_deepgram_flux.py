"""Clients of Deepgram's /v2/listen: its own SDK and the agent frameworks' plugins."""

from __future__ import annotations

from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from tests.conformance.conftest import Told
from tests.conformance.live.conftest import Client, Spoken, heavy
from tests.support.samples import SHORT, TWO_SPEAKERS

pytestmark = heavy

RATE = 16_000
TURNS = {SHORT: 2, TWO_SPEAKERS: 5}
"""Parts of a recording between silences that end a turn by default."""


def messages(told: Told, kind: str) -> list[dict[str, Any]]:
    """Those that the SDK read as its own class ``ListenV2<kind>``."""
    return [entry["message"] for entry in told if entry["kind"] == "message" and entry["class"] == f"ListenV2{kind}"]


def check_closed(told: Told) -> None:
    assert "error" not in {entry["kind"] for entry in told}
    assert [entry["kind"] for entry in told[-2:]] == ["closed", "ended"]
    assert told[-2]["code"] == 1000


def check_turns(infos: list[dict[str, Any]], spoken: Spoken) -> list[dict[str, Any]]:
    """The turns are numbered, their audio joins up, and they say what was said. Returns their ends."""
    ends = [info for info in infos if info["event"] == "EndOfTurn"]
    starts = [info for info in infos if info["event"] == "StartOfTurn"]
    assert [info["turn_index"] for info in ends] == [info["turn_index"] for info in starts] == [*range(len(ends))]
    assert all(info["transcript"] for info in starts)
    for before, after in pairwise(ends):
        assert before["audio_window_end"] == after["audio_window_start"]
    for end in ends:
        assert " ".join(word["word"] for word in end["words"]) == end["transcript"]
        assert all(0 < word["confidence"] <= 1 and word["start"] < word["end"] for word in end["words"])
    spoken.check_text(end["transcript"] for end in ends)
    return ends


@pytest.mark.client("deepgram-sdk (Python), Flux")
def test_deepgram_sdk(client: Client, spoken: Spoken) -> None:
    told = client("deepgram_flux", "eager", rate=RATE)
    check_closed(told)
    (connected,) = messages(told, "Connected")
    infos = messages(told, "TurnInfo")
    assert [message["sequence_id"] for message in (connected, *infos)] == list(range(len(infos) + 1))
    assert {info["request_id"] for info in infos} == {str(UUID(connected["request_id"]))}
    ends = check_turns(infos, spoken)
    assert len(ends) == TURNS[spoken.recording]
    assert {end["trigger"] for end in ends} == {"model"}
    assert all(end["end_of_turn_confidence"] >= 0.7 for end in ends)
    events = [info for info in infos if info["event"] != "Update"]
    for before, after in pairwise(events):
        if before["event"] == "EagerEndOfTurn":
            assert after["event"] in ("EndOfTurn", "TurnResumed")
        if after["event"] == "EndOfTurn":
            assert (before["event"], before["transcript"]) == ("EagerEndOfTurn", after["transcript"])


@pytest.mark.client("deepgram-sdk (Python), Flux")
def test_deepgram_sdk_with_turns_of_its_own(client: Client, spoken: Spoken) -> None:
    told = client("deepgram_flux", "force", rate=RATE)
    check_closed(told)
    (configured,) = messages(told, "ConfigureSuccess")
    assert configured["thresholds"] == {"eot_threshold": 1.0, "eot_timeout_ms": 50_000}
    assert configured["keyterms"] == ["green"]
    (end,) = check_turns(messages(told, "TurnInfo"), spoken)
    assert end["trigger"] == "manual"


@pytest.mark.client("LiveKit Agents (Python), Flux")
def test_livekit(client: Client, spoken: Spoken) -> None:
    told = client("livekit_flux", rate=RATE)
    kinds = [entry["kind"] for entry in told if entry["kind"] != "recognition_usage"]
    spoken.check_text(entry["text"] for entry in told if entry["kind"] == "final_transcript")
    assert kinds.count("start_of_speech") == kinds.count("end_of_speech") == kinds.count("final_transcript") > 1
    assert kinds.index("start_of_speech") < kinds.index("interim_transcript") < kinds.index("final_transcript")
    assert "preflight_transcript" in kinds
    assert kinds[-1] == "ended"


@pytest.mark.client("Pipecat, Flux")
@pytest.mark.parametrize("mode", ["", "eager"])
def test_pipecat(client: Client, spoken: Spoken, mode: str) -> None:
    told = client("pipecat_flux", mode, rate=RATE)
    kinds = [entry["kind"] for entry in told]
    assert "error" not in kinds
    spoken.check_text(entry["text"] for entry in told if entry["kind"] == "final")
    assert kinds.count("started") == kinds.count("stopped") == kinds.count("final") == TURNS[spoken.recording]
    assert ("announced" in kinds) == (mode == "eager")
    assert "interim" in kinds
    assert kinds[-1] == "ended"


@pytest.mark.client("deepgram-sdk (Python), Flux")
@pytest.mark.parametrize("spoken", [SHORT], indirect=True)
def test_wrong_key(client: Client) -> None:
    """Refused before the connection is open, which is what clients do not try again."""
    assert client("deepgram_flux", rate=RATE, key="wrong") == [{"kind": "refused", "status": 401}]
