"""``POST /v1/audio/diarization``: who spoke when, as other servers and NIST's tools tell it."""

from __future__ import annotations

import base64
import json
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import SECONDS, assert_envelope, tone
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT

TURNS = [("SPEAKER_00", 0.0, 1.2), ("SPEAKER_01", 1.9, 2.5), ("SPEAKER_00", 2.5, 3.0)]


def post(server: RunningServer, wav: bytes, name: str | None = "a.wav", **fields: object) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/audio/diarization", files={"file": (name, wav)}, data=fields, timeout=60)


def talk(*turns: tuple[float, float, int | None, str]) -> str:
    """A prompt that the scripted model answers with these segments."""
    named = [
        {"Start": start, "End": end} | ({} if who is None else {"Speaker": who}) | {"Content": said}
        for start, end, who, said in turns
    ]
    return json.dumps(named)


def told(answer: httpx.Response) -> list[tuple[str, float, float]]:
    assert answer.status_code == 200, answer.text
    return [(segment["speaker"], segment["start"], segment["end"]) for segment in answer.json()["segments"]]


def test_json(server: RunningServer, wav: bytes) -> None:
    answer = post(server, wav, model="whisper-1")
    assert told(answer) == TURNS
    body = answer.json()
    assert (body["task"], body["duration"], body["num_speakers"]) == ("diarize", SECONDS, 2)
    assert body["segments"][1] == {"id": 1, "speaker": "SPEAKER_01", "label": "1", "start": 1.9, "end": 2.5}
    assert "speakers" not in body


@pytest.mark.parametrize("wanted", ["json", "verbose_json"])
def test_texts_on_wish(server: RunningServer, wav: bytes, wanted: str) -> None:
    segments = post(server, wav, response_format=wanted, include_text="True").json()["segments"]
    assert " ".join(segment["text"] for segment in segments) == TEXT
    assert "text" not in post(server, wav, response_format=wanted).json()["segments"][0]


def test_verbose_json_sums_up(server: RunningServer, wav: bytes) -> None:
    assert post(server, wav, response_format="verbose_json").json()["speakers"] == [
        {"id": "SPEAKER_00", "label": "0", "total_speech_duration": 1.7, "segment_count": 2},
        {"id": "SPEAKER_01", "label": "1", "total_speech_duration": 0.6, "segment_count": 1},
    ]


@pytest.mark.parametrize(
    ("filename", "recording"),
    [
        ("a.wav", "a"),
        ("team meeting 1.m4a", "team_meeting_1"),
        ("C:\\data\\a.b.wav", "a.b"),
        ("/recorder/Gespräch.ogg", "Gespräch"),
        ("<NA> ;;.wav", "NA"),
        (".wav", "wav"),
        ("  ", "audio"),
    ],
)
def test_rttm(server: RunningServer, wav: bytes, filename: str, recording: str) -> None:
    answer = post(server, wav, filename, response_format="rttm")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.splitlines() == [
        f"SPEAKER {recording} 1 {start:.3f} {end - start:.3f} <NA> <NA> {speaker} <NA> <NA>"
        for speaker, start, end in TURNS
    ]
    assert answer.text.endswith("<NA>\n")


def test_rttm_of_a_recording_without_a_name(server: RunningServer, wav: bytes) -> None:
    body = {"file": base64.b64encode(wav).decode(), "response_format": "RTTM"}
    answer = httpx.post(f"{server.url}/v1/audio/diarization", json=body, timeout=60)
    assert {line.split()[1] for line in answer.text.splitlines()} == {"audio"}


def test_known_speakers_have_their_names(server: RunningServer, wav: bytes) -> None:
    """Without space in RTTM, where space divides the fields."""
    clip = f"data:audio/wav;base64,{base64.b64encode(tone(2.5)).decode()}"
    # 2.5 s of reference and half a second of silence stand before the recording.
    answer = talk((0, 2.4, 0, "the reference"), (3.1, 4, 1, "hello"), (4, 5, 0, "there"))
    known = {"known_speaker_names[]": "Ada Lovelace", "known_speaker_references[]": clip, "prompt": answer}
    assert [name for name, _, _ in told(post(server, wav, **known))] == ["SPEAKER_00", "Ada Lovelace"]
    rttm = post(server, wav, response_format="rttm", **known).text
    assert [line.split()[7] for line in rttm.splitlines()] == ["SPEAKER_00", "Ada_Lovelace"]


BROKEN = [
    (0, 0.5, 0, "one"),
    (0.5, 0.8, 1, "two"),
    (0.7, 1.0, 0, "three"),
    (1.0, 1.1, 1, "four"),
    (2.0, 2.9, 0, "five"),
]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, [(0, 0.5), (0.5, 0.8), (0.7, 1.0), (1.0, 1.1), (2.0, 2.9)]),
        ({"min_duration_off": "0.3"}, [(0, 1.0), (0.5, 1.1), (2.0, 2.9)]),
        ({"min_duration_off": "0.2"}, [(0, 0.5), (0.5, 0.8), (0.7, 1.0), (1.0, 1.1), (2.0, 2.9)]),
        ({"min_duration_on": "0.2"}, [(0, 0.5), (0.5, 0.8), (0.7, 1.0), (2.0, 2.9)]),
        ({"min_duration_on": "0.6", "min_duration_off": "0.3"}, [(0, 1.0), (0.5, 1.1), (2.0, 2.9)]),
    ],
)
def test_gaps_are_closed_and_short_turns_left_out(
    server: RunningServer, wav: bytes, fields: dict[str, str], expected: list[tuple[float, float]]
) -> None:
    answer = post(server, wav, prompt=talk(*BROKEN), **fields)
    assert [(start, end) for _, start, end in told(answer)] == expected


def test_what_nobody_says_is_no_turn(server: RunningServer, wav: bytes) -> None:
    answer = post(server, wav, prompt=talk((0, 3, None, "[Silence]")))
    assert (told(answer), answer.json()["num_speakers"]) == ([], 0)
    assert post(server, wav, prompt=talk((0, 3, None, "[Silence]")), response_format="rttm").text == ""


@pytest.mark.parametrize("fields", [{"num_speakers": 3}, {"min_speakers": 3}, {"max_speakers": 1}])
def test_another_number_of_speakers_than_wished_is_noted(
    server: RunningServer, wav: bytes, fields: dict[str, Any]
) -> None:
    answer = post(server, wav, **fields)
    assert "it heard 2" in answer.json()["notes"][0]
    assert "it heard 2" in post(server, wav, response_format="rttm", **fields).headers["x-vibevoice-notes"]


@pytest.mark.parametrize(
    "fields", [{}, {"num_speakers": 2}, {"num_speakers": 0}, {"min_speakers": 1, "max_speakers": 4}]
)
def test_the_number_that_was_wished_is_no_news(server: RunningServer, wav: bytes, fields: dict[str, Any]) -> None:
    assert "notes" not in post(server, wav, clustering_threshold="0.5", language="en", **fields).json()


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("response_format", {"response_format": "srt"}),
        ("min_duration_on", {"min_duration_on": "-1"}),
        ("num_speakers", {"num_speakers": "two"}),
        ("include_text", {"include_text": "maybe"}),
        ("known_speaker_references", {"known_speaker_names": "Ada"}),
    ],
)
def test_bad_values_are_named(server: RunningServer, wav: bytes, param: str, fields: dict[str, str]) -> None:
    assert_envelope(post(server, wav, **fields), 400, "invalid_value", param)


def test_the_same_rules_as_for_transcriptions(server: RunningServer, guarded_server: RunningServer, wav: bytes) -> None:
    url = f"{server.url}/v1/audio/diarization"
    assert_envelope(post(server, b"no sound"), 415, "unsupported_format", "file")
    assert_envelope(post(server, wav, model="pyannote"), 404, "model_not_found", "model")
    assert_envelope(httpx.post(url, content=wav, headers={"content-type": "audio/wav"}), 415, "unsupported_media_type")
    assert_envelope(post(guarded_server, wav), 401, "invalid_api_key")
