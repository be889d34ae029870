"""What is asked about a recording instead of having it transcribed: the model's own words, whatever they look like.

The scripted model says what an instruction in brackets says.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import SECONDS, Post, assert_envelope, tone
from tests.server.http.test_jobs import done, events, submit
from tests.support.scripted_server import RunningServer

ANSWER = '[They greet each other. "Good morning", {says} one: 3 < 4.]'


def told(answer: httpx.Response) -> list[dict[str, Any]]:
    """The events of a stream."""
    return [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]


def test_the_answer_is_text_as_the_model_writes_it(post: Post) -> None:
    assert post(instruction=ANSWER, response_format="text").text == ANSWER
    body = post(instruction=ANSWER).json()
    assert body["text"] == ANSWER
    assert body["usage"]["output_tokens"] > 0
    assert "notes" not in body


def why(refused: httpx.Response, param: str | None, code: str = "invalid_value") -> str:
    """What a 400 says."""
    return str(assert_envelope(refused, 400, code, param)["message"])


@pytest.mark.parametrize("answer", ["[Silence]", '[{"Start":0,"End":1,"Speaker":0,"Content":"Right."}]', "[  x \n ]"])
def test_what_looks_like_a_transcript_is_text_too(post: Post, answer: str) -> None:
    assert post(instruction=answer).json()["text"] == answer
    events = told(post(instruction=answer, stream="true"))
    assert "".join(event["delta"] for event in events[:-1]) == events[-1]["text"] == answer


def test_segments_say_what_is_known(post: Post) -> None:
    (segment,) = post(instruction=ANSWER, response_format="verbose_json").json()["segments"]
    assert (segment["start"], segment["end"], segment["speaker"], segment["text"]) == (0.0, SECONDS, None, ANSWER)
    assert segment["tokens"]
    assert segment["avg_logprob"] is not None
    (segment,) = post(instruction=ANSWER, response_format="diarized_json").json()["segments"]
    assert (segment["start"], segment["end"], segment["speaker"], segment["text"]) == (0.0, SECONDS, "", ANSWER)


def test_a_stream_tells_it_word_by_word(post: Post) -> None:
    events = told(post(instruction=ANSWER, stream="true", response_format="diarized_json"))
    deltas = [event["delta"] for event in events if event["type"] == "transcript.text.delta"]
    assert len(deltas) > 10
    assert "".join(deltas) == ANSWER
    (segment,) = [event for event in events if event["type"] == "transcript.text.segment"]
    assert (segment["text"], segment["speaker"]) == (ANSWER, "")
    assert events[-1]["text"] == ANSWER


def test_log_probabilities_are_of_all_its_tokens(post: Post) -> None:
    body = post(instruction=ANSWER, **{"include[]": "logprobs"}).json()
    assert "".join(token["token"] for token in body["logprobs"]) == ANSWER


def test_a_limit_cuts_it_and_says_so(post: Post) -> None:
    body = post(instruction=ANSWER, max_completion_tokens=4).json()
    assert body["text"]
    assert ANSWER.startswith(body["text"])
    assert body["notes"] == ["The answer reached its length limit."]


def test_an_answer_that_runs_in_circles_is_ended(post: Post) -> None:
    body = post(instruction="[They say" + " the same again and again" * 200).json()
    assert body["text"].startswith("[They say the same again and again")
    assert len(body["text"]) < 2500
    assert any("repeat" in note or "circles" in note for note in body["notes"]), body["notes"]


@pytest.mark.parametrize("form", ["srt", "vtt", "lrc"])
def test_formats_that_need_times_are_refused_and_say_why(post: Post, form: str) -> None:
    message = why(post(instruction=ANSWER, response_format=form), "response_format")
    assert f"{form} needs to know what is said when" in message
    assert "diarized_json, json, text, verbose_json" in message


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"stream": "true", "formats": "text,rttm"}, "formats"),
        ({"response_format": "verbose_json", "timestamp_granularities": "word"}, "timestamp_granularities"),
        ({"channels": "split"}, "channels"),
        ({"known_speaker_names": "Ada", "known_speaker_references": "aGVsbG8="}, "known_speaker_names"),
    ],
)
def test_what_free_text_cannot_have_is_refused(post: Post, fields: dict[str, Any], param: str) -> None:
    assert_envelope(post(instruction=ANSWER, **fields), 400, "invalid_value", param)


def test_an_instruction_has_its_limit(post: Post) -> None:
    message = why(post(instruction="x" * 17_000), "instruction", "context_too_long")
    assert "16384 characters" in message
    assert post(instruction="  ").json()["text"] == post().json()["text"], "an empty one is none"


def test_a_recording_beyond_one_pass_says_what_helps(server: RunningServer) -> None:
    info = server.service.engine.info
    assert info is not None
    longest = info.max_positions / (info.family.geometry.frame_rate + 6)
    answer = httpx.post(
        f"{server.url}/v1/audio/transcriptions",
        files={"file": tone(longest + 10, rate=8000)},
        data={"instruction": ANSWER},
        timeout=60,
    )
    assert "An instruction is answered about a recording that is heard at once" in why(answer, None, "audio_too_long")


def test_instructions_side_by_side_are_each_answered(post: Post) -> None:
    asked = [f"[Answer number {number}.]" for number in range(6)]
    with ThreadPoolExecutor(6) as together:
        answers = list(together.map(lambda instruction: post(instruction=instruction).json()["text"], asked))
    assert answers == asked


def test_a_job_answers_it_too(server: RunningServer, wav: bytes) -> None:
    job = submit(server, wav, instruction=ANSWER).json()["id"]
    assert done(server, job)["status"] == "completed"
    result = f"{server.url}/v1/jobs/{job}/result"
    assert httpx.get(result).json()["text"] == ANSWER
    (segment,) = httpx.get(result, params={"response_format": "diarized_json"}).json()["segments"]
    assert (segment["text"], segment["speaker"]) == (ANSWER, "")
    for form in ("srt", "rttm"):
        assert_envelope(httpx.get(result, params={"response_format": form}), 400, "invalid_value", "response_format")
    texts = [event["delta"] for event in events(server, job) if event.get("type") == "transcript.text.delta"]
    assert texts == [ANSWER]


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("streaming_segment_duration", "1", "0.933333333 or 1.06666667 s are"),
        ("acoustic_tokenizer_chunk_size", "24000", "24000 are no multiple; 22400 or 25600 are"),
    ],
)
def test_audio_is_encoded_in_whole_frames(post: Post, field: str, value: str, nearest: str) -> None:
    """Told of the parameter that was used, and in its unit."""
    for more in ({}, {"background": "true"}):
        message = why(post(**{field: value}, **more), field)
        assert "whole frames of 3200 samples" in message
        assert nearest in message


def test_audio_is_encoded_in_parts_as_the_request_says(server: RunningServer, post: Post) -> None:
    wanted = post().json()["text"]
    for field in ({"streaming_segment_duration": "0.4"}, {"acoustic_tokenizer_chunk_size": "9600"}):
        assert post(**field).json()["text"] == wanted
    both = post(streaming_segment_duration="2", acoustic_tokenizer_chunk_size="48000")
    assert_envelope(both, 400, "invalid_value", "acoustic_tokenizer_chunk_size")
    assert_envelope(post(streaming_segment_duration="0"), 400, "invalid_value", "streaming_segment_duration")
