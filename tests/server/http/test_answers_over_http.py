"""Every format, whole and streamed, through OpenAI's own client."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import httpx
import openai
import pytest
import srt  # type: ignore[import-untyped]
import webvtt
from openai.types.audio import TranscriptionDiarized, TranscriptionVerbose

from tests.server.http.conftest import SECONDS, Post
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT, endless_answer

TURNS = [("A", 0.0, 1.2), ("B", 1.9, 2.5), ("A", 2.5, 3.0)]


def transcribe(client: openai.OpenAI, wav: bytes, **parameters: Any) -> Any:
    return client.audio.transcriptions.create(file=("a.wav", wav), model="whisper-1", **parameters)


def test_json_has_text_and_usage(client: openai.OpenAI, wav: bytes) -> None:
    answer = transcribe(client, wav)
    assert answer.text == TEXT
    assert answer.usage.type == "tokens"
    assert answer.usage.input_token_details.audio_tokens == 23  # 3 s at 7.5 frames per second, rounded up
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.logprobs is None


def test_logprobs_spell_the_text(client: openai.OpenAI, wav: bytes) -> None:
    answer = transcribe(client, wav, include=["logprobs"])
    spelled = b"".join(bytes(map(int, token.bytes)) for token in answer.logprobs).decode()
    # A token may hold the last letters of a segment and the JSON behind them.
    assert re.sub('(?<=[.])"}?', "", spelled).replace(" ", "") == TEXT.replace(" ", "")
    assert {token.logprob for token in answer.logprobs} == {-0.5}


def test_text_is_the_body(client: openai.OpenAI, wav: bytes) -> None:
    assert transcribe(client, wav, response_format="text") == TEXT


def test_srt_parses_with_times_and_speakers(client: openai.OpenAI, wav: bytes) -> None:
    cues = list(srt.parse(transcribe(client, wav, response_format="srt")))
    # What begins before the words in front of it can be read is shown together with them.
    assert [(cue.start.total_seconds(), cue.end.total_seconds()) for cue in cues] == [(0, 1.817), (1.9, 3.0)]
    assert cues[1].content == "- Speaker 2: Morning! 3 < 4 & so on.\n- Speaker 1: Right."


def test_vtt_parses_with_times_and_speakers(client: openai.OpenAI, wav: bytes) -> None:
    cues = webvtt.from_string(transcribe(client, wav, response_format="vtt")).captions
    assert [(cue.start_in_seconds, cue.voice) for cue in cues] == [(0, "Speaker 1"), (1, "Speaker 2")]
    assert cues[1].raw_text == ("<v Speaker 2>- Morning! 3 &lt; 4 &amp; so on.</v>\n<v Speaker 1>- Right.</v>")


@pytest.mark.parametrize("wanted", ["srt", "vtt"])
def test_subtitles_are_made_as_wished(client: openai.OpenAI, wav: bytes, wanted: str) -> None:
    wishes = {
        "max_line_width": 12,
        "max_line_count": 1,
        "min_cue_duration": 0.1,
        "max_cue_duration": 1,
        "max_cps": 100,
        "min_cue_gap": 0.02,
        "speaker_labels": False,
    }
    body = transcribe(client, wav, response_format=wanted, extra_body=wishes)
    if wanted == "srt":
        lines = [cue.content for cue in srt.parse(body)]
    else:
        lines = [cue.text for cue in webvtt.from_string(body).captions]
    assert "|".join(map(html.unescape, lines)) == "Good|morning,|Ms. Grün.|Morning!|3 < 4 &|so on.|Right."


@pytest.mark.parametrize(
    ("wanted", "content_type"),
    [("vtt", "text/vtt"), ("srt", "text/plain"), ("lrc", "text/plain"), ("text", "text/plain")],
)
def test_plain_formats_say_what_they_are(post: Post, wanted: str, content_type: str) -> None:
    assert post(response_format=wanted).headers["content-type"] == f"{content_type}; charset=utf-8"


def test_verbose_json_has_all_segments(client: openai.OpenAI, wav: bytes) -> None:
    answer: TranscriptionVerbose = transcribe(client, wav, response_format="verbose_json", language="en")
    assert (answer.duration, answer.language, answer.text) == (SECONDS, "en", TEXT)
    assert answer.segments is not None
    assert [segment.id for segment in answer.segments] == [0, 1, 2, 3]
    assert answer.segments[1].text == "[Silence]"
    assert answer.words is None


@pytest.mark.parametrize(
    ("granularities", "segments", "words"),
    [(["word"], False, True), (["segment"], True, False), (["word", "segment"], True, True)],
)
def test_granularities(
    client: openai.OpenAI, wav: bytes, granularities: list[str], segments: bool, words: bool
) -> None:
    answer: TranscriptionVerbose = transcribe(
        client, wav, response_format="verbose_json", timestamp_granularities=granularities
    )
    assert (answer.segments is not None, answer.words is not None) == (segments, words)
    if answer.words is not None:
        assert " ".join(word.word for word in answer.words) == TEXT


def test_diarized_json_says_who_speaks_when(client: openai.OpenAI, wav: bytes) -> None:
    answer: TranscriptionDiarized = transcribe(
        client, wav, response_format="diarized_json", chunking_strategy={"type": "server_vad", "threshold": 0.5}
    )
    assert [(segment.speaker, segment.start, segment.end) for segment in answer.segments] == TURNS
    assert " ".join(segment.text for segment in answer.segments) == answer.text == TEXT


@pytest.mark.parametrize(
    ("wanted", "granularities"),
    [("json", ["segment"]), ("json", ["word", "segment"]), ("text", ["segment"]), ("srt", ["segment"])],
)
def test_segments_may_be_asked_for_in_any_format(post: Post, wanted: str, granularities: list[str]) -> None:
    """They come with verbose_json alone, as with OpenAI; clients ask whatever the format."""
    answer = post(response_format=wanted, **{"timestamp_granularities[]": granularities})
    assert answer.text == post(response_format=wanted).text


@pytest.mark.parametrize("wanted", ["verbose_json", "srt", "vtt", "lrc"])
def test_formats_that_cannot_be_streamed_come_whole(client: openai.OpenAI, post: Post, wav: bytes, wanted: str) -> None:
    """As OpenAI ignores ``stream`` for whisper-1. Gateways add verbose_json to whatever they pass on."""
    streamed, whole = post(response_format=wanted, stream="true"), post(response_format=wanted)
    assert streamed.text == whole.text
    assert streamed.headers["content-type"] == whole.headers["content-type"]
    assert list(transcribe(client, wav, response_format=wanted, stream=True)) == []


def test_events_bear_their_name_beside_the_data(post: Post) -> None:
    """Readers such as a browser's EventSource go by it."""
    frames = post(stream="true", response_format="diarized_json").text.rstrip("\n").split("\n\n")
    for frame in frames:
        name, data = frame.split("\n")
        assert name == f"event: {json.loads(data.removeprefix('data: '))['type']}"
    assert name == "event: transcript.text.done"


def test_an_answer_ends_after_so_many_tokens(post: Post) -> None:
    answer = post(max_completion_tokens="30").json()
    assert len(answer["text"].split()) < len(TEXT.split())
    assert answer["usage"]["output_tokens"] == 30
    assert "length limit" in answer["notes"][0]
    assert post(max_completion_tokens="1000000").json()["text"] == TEXT


@pytest.mark.parametrize("wanted", ["json", "text", "diarized_json"])
async def test_streamed_equals_whole(server: RunningServer, wav: bytes, wanted: Any) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="any", max_retries=0) as client:
        stream = await client.audio.transcriptions.create(
            file=("a.wav", wav), model="gpt-4o-transcribe", response_format=wanted, stream=True
        )
        events = [event async for event in stream]
    assert "".join(event.delta for event in events if event.type == "transcript.text.delta") == TEXT
    done = events[-1]
    assert done.type == "transcript.text.done"
    assert done.text == TEXT
    assert done.usage is not None
    segments = [event for event in events if event.type == "transcript.text.segment"]
    spoken = [(segment.speaker, segment.start, segment.end) for segment in segments]
    assert spoken == (TURNS if wanted == "diarized_json" else [])


def test_streamed_logprobs_equal_whole(client: openai.OpenAI, wav: bytes) -> None:
    whole = transcribe(client, wav, include=["logprobs"])
    events = list(transcribe(client, wav, include=["logprobs"], stream=True))
    streamed = [token.bytes for event in events[:-1] for token in event.logprobs]
    assert streamed == [token.bytes for token in whole.logprobs] == [token.bytes for token in events[-1].logprobs]


def test_an_answer_cut_at_the_limit_says_so(post: Post) -> None:
    answer = post(prompt=endless_answer(), max_completion_tokens=100)
    assert "length limit" in answer.json()["notes"][0]
    assert "length limit" in answer.headers["x-vibevoice-notes"]
    assert answer.json()["text"].startswith("on and on")


@pytest.mark.parametrize("wanted", ["vtt", "lrc", "rttm"])
def test_a_cut_answer_says_so_in_the_comments_of_a_format(post: Post, wanted: str) -> None:
    fields = {"stream": "true", "response_format": "diarized_json", "formats[]": wanted}
    cut, whole = (
        json.loads(post(**fields, **limit).text.rpartition("data: ")[2])["formats"][wanted]
        for limit in ({"max_completion_tokens": "30"}, {})
    )
    marks = {"vtt": "NOTE ", "lrc": "[#:", "rttm": ";;"}
    last = cut.splitlines()[-1]
    assert last.startswith(marks[wanted])
    assert "length limit" in " ".join(last.split())
    assert marks[wanted] not in whole


def test_a_file_that_ends_early_says_so(server: RunningServer, wav: bytes) -> None:
    half = {"file": ("a.wav", wav[: len(wav) // 2])}
    url = f"{server.url}/v1/audio/transcriptions"
    whole = httpx.post(url, files=half, timeout=60)
    assert "ends early" in whole.json()["notes"][0]
    assert "ends early" in whole.headers["x-vibevoice-notes"]
    streamed = httpx.post(url, files=half, data={"stream": "true"}, timeout=60)
    assert "ends early" in streamed.text.rpartition("data: ")[2]


def test_a_stream_brings_further_formats_and_progress_where_they_are_asked_for(
    server: RunningServer, wav: bytes
) -> None:
    wanted = ["srt", "verbose_json", "rttm"]
    fields = {"stream": "true", "response_format": "diarized_json", "formats[]": wanted, "progress": "true"}
    path = f"{server.url}/v1/audio/transcriptions"
    told = httpx.post(path, data=fields, files={"file": ("talk.wav", wav)}).text
    events = [json.loads(line[6:]) for line in told.splitlines() if line.startswith("data: ")]
    heard = [event["progress"] for event in events if event["type"] == "transcription.progress"]
    assert heard[0] == {"audio_seconds": SECONDS, "audio_seconds_done": 0.0}
    assert [each["audio_seconds_done"] for each in heard[1:]] == [1.2, 1.9, 2.5, 3.0]
    formats = events[-1]["formats"]
    assert list(formats) == wanted
    for each in wanted[:2]:
        alone = httpx.post(path, data={"response_format": each}, files={"file": ("talk.wav", wav)})
        assert formats[each] == (alone.json() if each == "verbose_json" else alone.text)
    alone = httpx.post(
        f"{server.url}/v1/audio/diarization", data={"response_format": "rttm"}, files={"file": ("talk.wav", wav)}
    )
    assert formats["rttm"] == alone.text


def test_further_formats_need_a_stream(server: RunningServer, wav: bytes) -> None:
    refused = httpx.post(
        f"{server.url}/v1/audio/transcriptions", data={"formats": "srt"}, files={"file": ("talk.wav", wav)}
    )
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert refused.json()["error"]["param"] == "formats"
