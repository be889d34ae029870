"""What the caller may choose about hearing a file, over HTTP: the track, and what times count from."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from tests.server.audio_in.audio_media import silence, tones
from tests.server.audio_in.films import RATE, Picture, Sound, film
from tests.server.http.conftest import assert_envelope
from tests.support.channel_runner import ChannelRunner, said, written
from tests.support.scripted_server import RunningServer, running_server

SPOKEN = written((0, 0.5, 0, "Late but"), (1, 1.5, 1, "in time."))
PROMPT = said(SPOKEN)
LATE = film("matroska", Sound(tones(RATE, 1), "pcm_s16le", 10.0), picture=Picture())
TRACKS = film("matroska", Sound(silence(RATE, 2.0), "pcm_s16le"), Sound(tones(RATE, 1), "pcm_s16le"))
TWO = np.concatenate([tones(RATE, 1), tones(RATE, 1)[:, ::-1]])
STEREO = film("matroska", Sound(TWO, "pcm_s16le", 10.0), picture=Picture())


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with running_server(ChannelRunner) as running:
        yield running


def post(server: RunningServer, file: bytes, **fields: str) -> httpx.Response:
    fields = {"prompt": PROMPT} | fields
    return httpx.post(f"{server.url}/v1/audio/transcriptions", files={"file": file}, data=fields, timeout=60)


def test_times_count_from_the_picture_in_every_format(server: RunningServer) -> None:
    answer = post(server, LATE, response_format="verbose_json", timestamp_granularities="word").json()
    assert answer["words"][0]["start"] == 10.0
    assert answer["duration"] == 12.0
    assert answer["notes"] == ["The sound begins 10.0 s after the file's start; times count from there."]
    segments = post(server, LATE, response_format="diarized_json").json()["segments"]
    assert [(one["start"], one["end"]) for one in segments] == [(10.0, 10.5), (11.0, 11.5)]
    for answer_format in ("srt", "vtt"):
        first = re.search(r"00:(\d\d)[,.](\d{3}) -->", post(server, LATE, response_format=answer_format).text)
        assert first is not None
        assert 9.5 < float(".".join(first.groups())) <= 10  # a cue may come up a little before its words
    answer = httpx.post(f"{server.url}/v1/listen", params={"keywords": PROMPT}, content=LATE, timeout=60).json()
    assert answer["metadata"]["duration"] == 12.0


def test_times_of_a_stream_and_of_channels_count_alike(server: RunningServer) -> None:
    streamed = post(server, LATE, response_format="diarized_json", stream="true").text
    events = [json.loads(line[5:]) for line in streamed.splitlines() if line.startswith("data: {")]
    assert [event["start"] for event in events if event["type"] == "transcript.text.segment"] == [10.0, 11.0]
    fields = {"channels": "split", "prompt": said(SPOKEN, SPOKEN), "response_format": "verbose_json"}
    answer = post(server, STEREO, **fields).json()
    assert sorted(one["start"] for one in answer["segments"]) == [10.0, 10.0, 11.0, 11.0]
    assert answer["duration"] == 12.0


def test_times_may_count_from_the_first_sample(server: RunningServer) -> None:
    for file in (LATE, STEREO):
        answer = post(server, file, response_format="verbose_json", time_origin="first_sample").json()
        assert [one["start"] for one in answer["segments"]] == [0.0, 1.0]
        assert answer["duration"] == 2.0
        assert "notes" not in answer
    assert_envelope(post(server, LATE, time_origin="picture"), 400, "invalid_value", "time_origin")
    assert post(server, LATE, time_origin="").status_code == 200


def test_the_track_that_is_heard_is_told_and_can_be_chosen(server: RunningServer) -> None:
    answer = post(server, TRACKS)
    assert answer.json()["notes"] == ["Of the file's 2 audio tracks number 2 was heard."]
    assert post(server, TRACKS, audio_track="1").json()["notes"] == ["Of the file's 2 audio tracks number 1 was heard."]
    body = {"input_audio": {"data": b64encode(TRACKS).decode()}, "audio_track": 2, "prompt": PROMPT}
    assert httpx.post(f"{server.url}/v1/audio/transcriptions", json=body, timeout=60).status_code == 200
    refused = post(server, TRACKS, audio_track="3")
    assert_envelope(refused, 400, "no_such_track", "audio_track")
    assert refused.json()["error"]["message"] == "There is no audio track 3: the file has 2 audio tracks."
    for bad in ("0", "-1", "two"):
        assert_envelope(post(server, TRACKS, audio_track=bad), 400, "invalid_value", "audio_track")
