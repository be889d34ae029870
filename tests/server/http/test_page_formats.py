"""A transcript that comes back from the page is written as the server wrote it, and with what was corrected in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from server.protocols.openai.corrected_transcript import CorrectedTranscript
from server.protocols.openai.errors import InvalidParameter
from server.transcript.formats import (
    render_diarized_json,
    render_json,
    render_lrc,
    render_rttm,
    render_srt,
    render_text,
    render_vtt,
)
from server.transcript.segments import Segment, Transcript, Usage
from server.transcript.turns import turns
from tests.server.http.conftest import assert_envelope
from tests.support.scripted_server import RunningServer

MEETING = Transcript(
    segments=(
        Segment(0, 0.0, 2.5, 0, "Good morning everybody, shall we begin with the minutes of last week?"),
        Segment(1, 2.5, 4.0, None, "[Music]"),
        Segment(2, 4.0, 7.125, 1, "Yes & no <b>."),
        Segment(3, 7.2, 8.0, 2, "Perhaps.", doubtful=True),
        Segment(4, 8.0, 9.0, 0, "Well."),
    ),
    duration=10.5,
    usage=Usage(audio_tokens=75, text_tokens=20, answer_tokens=60),
    notes=("The file was damaged.",),
)
CALL = Transcript(
    segments=(
        Segment(0, 0.5, 2.0, 1, "The other channel begins.", channel=1),
        Segment(1, 2.0, 3.0, 0, "And this one answers.", channel=0),
    ),
    duration=4.0,
    channels=2,
)
KNOWN = replace(MEETING, speaker_names={1: "Ada"})
BROKEN_OFF = replace(MEETING, complete=False, notes=("The answer reached its length limit.",))
RENDERED: dict[str, Callable[[Transcript], object]] = {
    "text": render_text,
    "srt": render_srt,
    "vtt": render_vtt,
    "lrc": render_lrc,
    "json": render_json,
    "diarized_json": render_diarized_json,
    "rttm": lambda transcript: render_rttm(transcript, turns(transcript), "meeting"),
}


def as_the_page_has_it(transcript: Transcript) -> dict[str, Any]:
    told = json.loads(json.dumps(render_diarized_json(transcript, audio_events=True)))
    usage = told["usage"] if told["usage"]["type"] == "tokens" else None
    return {
        "segments": told["segments"],
        "duration": told["duration"],
        "usage": usage,
        "notes": told.get("notes", []),
        "complete": told.get("complete", True),
        "filename": "meeting.flac",
    }


def written(server: RunningServer, **body: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/web/transcript", json=body)


@pytest.mark.parametrize("response_format", RENDERED)
@pytest.mark.parametrize("transcript", [MEETING, CALL, KNOWN, BROKEN_OFF], ids=["meeting", "call", "known", "cut"])
def test_what_nobody_corrected_is_written_as_before(
    server: RunningServer, transcript: Transcript, response_format: str
) -> None:
    answer = written(server, **as_the_page_has_it(transcript), response_format=response_format)
    assert answer.status_code == 200, answer.text
    expected = RENDERED[response_format](transcript)
    assert (answer.json() if isinstance(expected, dict) else answer.text) == expected


def test_names_stand_in_every_format(server: RunningServer) -> None:
    body = as_the_page_has_it(MEETING) | {"names": {"A": "Sara Öztürk", "B": "Speaker B", "C": "Speaker C"}}
    body["segments"][3]["speaker"] = "A"
    by_format = {name: written(server, **body, response_format=name).text for name in RENDERED}
    assert "Sara Öztürk: " in by_format["srt"]
    assert "<v Sara Öztürk>" in by_format["vtt"]
    assert " Sara_Öztürk " in by_format["rttm"]
    spoken = [segment["speaker"] for segment in json.loads(by_format["diarized_json"])["segments"]]
    assert spoken == ["Sara Öztürk", "Speaker B", "Sara Öztürk", "Sara Öztürk"]


def test_letters_stay_when_somebody_before_them_is_gone(server: RunningServer) -> None:
    body = as_the_page_has_it(MEETING)
    body["segments"] = [segment for segment in body["segments"] if segment["speaker"] != "B"]
    told = written(server, **body, response_format="diarized_json").json()
    assert [segment["speaker"] for segment in told["segments"]] == ["A", "C", "A"]
    assert "Speaker 3?: Perhaps." in written(server, **body, response_format="srt").text


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"response_format": "docx"}, "response_format"),
        ({"segments": [{"start": 2, "end": 1, "text": "a", "speaker": "A"}]}, "segments.0"),
        ({"segments": [{"start": 0, "end": 1, "text": "", "speaker": "A"}]}, "segments.0.text"),
        ({"segments": [{"start": "x", "end": 1, "text": "a"}]}, "segments.0.start"),
        ({"segments": "none"}, "segments"),
        ({"duration": -1}, "duration"),
        ({"names": {"A": ""}}, "names.A"),
        ({"usage": {"output_tokens": 1}}, "usage.input_token_details"),
    ],
)
def test_what_is_no_transcript_is_refused(server: RunningServer, change: dict[str, Any], param: str) -> None:
    body = {"segments": [], "duration": 0.0, "response_format": "srt"} | change
    answer = written(server, **body)
    assert_envelope(answer, 400, "invalid_value", param)
    with pytest.raises(InvalidParameter):
        CorrectedTranscript.read(body)


def test_it_needs_a_key_where_keys_are(guarded_server: RunningServer) -> None:
    assert_envelope(written(guarded_server, segments=[]), 401, "invalid_api_key")


def test_a_body_without_end_is_refused(server: RunningServer) -> None:
    answer = httpx.post(f"{server.url}/web/transcript", content=b" " * (17 << 20))
    assert_envelope(answer, 413, "content_too_large")
