"""What clients put on the wire, in every shape they do, and what is wrong with some of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.server.http.conftest import Post, assert_envelope, tone
from tests.support.scripted_server import RunningServer
from tests.support.speaking_runner import TEXT

BOUNDARY = "xxBOUNDARYxx"
FORM = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, value: bytes, filename: str | None = None) -> bytes:
    suffix = f'; filename="{filename}"' if filename else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{suffix}\r\n\r\n'
    return head.encode() + value + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def send(server: RunningServer, content: bytes | Iterator[bytes], headers: dict[str, str] = FORM) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/audio/transcriptions", content=content, headers=headers, timeout=60)


@pytest.mark.parametrize("file_first", [True, False])
def test_the_file_may_stand_anywhere(server: RunningServer, wav: bytes, file_first: bool) -> None:
    parts = [part("file", wav, "a.wav"), part("response_format", b"text"), part("model", b"whisper-1")]
    assert send(server, b"".join(parts if file_first else parts[::-1]) + END).text == TEXT


def test_a_body_without_length(server: RunningServer, wav: bytes) -> None:
    body = part("model", b"whisper-1") + part("language", b"en") + part("file", wav, "a") + END
    pieces = (body[at : at + 10_000] for at in range(0, len(body), 10_000))
    assert send(server, pieces).json()["text"] == TEXT


def test_json_with_base64(server: RunningServer, wav: bytes) -> None:
    body = {
        "model": "vibevoice-asr",
        "language": None,
        "response_format": "text",
        "input_audio": {"data": base64.b64encode(wav).decode(), "format": "wav"},
    }
    assert httpx.post(f"{server.url}/v1/audio/transcriptions", json=body, timeout=60).text == TEXT


@pytest.mark.parametrize(
    "recording",
    [
        {"file": "{}"},
        {"file": "data:audio/wav;base64,{}"},
        {"file": {"data": "{}"}},
        {"input_audio": "{}"},
        {"input_audio": {"data": "data:audio/x-wav;codecs=1;base64,{}", "format": "wav"}},
        {"input_audio": {"data": None}, "file": "{}"},
    ],
)
@pytest.mark.parametrize("write", [base64.b64encode, base64.encodebytes, base64.urlsafe_b64encode])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"])
def test_json_with_base64_as_people_write_it(
    server: RunningServer, wav: bytes, recording: dict[str, object], write: Callable[[bytes], bytes], begin: bytes
) -> None:
    written = write(wav).decode().rstrip("=")
    body = json.dumps(recording).replace("{}", json.dumps(written)[1:-1])
    headers = {"content-type": "application/json; charset=utf-8"}
    assert send(server, begin + body.encode(), headers).json()["text"] == TEXT


@pytest.mark.parametrize("url", ["https://example.com/a.wav", " file:///etc/passwd", "S3://bucket/a"])
@pytest.mark.parametrize("name", ["file", "input_audio"])
def test_urls_are_not_fetched(server: RunningServer, url: str, name: str) -> None:
    answer = httpx.post(f"{server.url}/v1/audio/transcriptions", json={name: url}, timeout=60)
    assert "fetches nothing" in str(assert_envelope(answer, 400, "invalid_value", name)["message"])


@pytest.mark.parametrize("brackets", ["", "[]", "[0]"])
def test_lists_with_and_without_brackets(post: Post, brackets: str) -> None:
    answer = post(response_format="verbose_json", **{f"timestamp_granularities{brackets}": ["word", "segment"]}).json()
    assert {"words", "segments"} <= set(answer)


def test_keywords_and_prompt_reach_the_model(post: Post) -> None:
    opening, words = '[{"Start":0,"End":1,"Speaker":0,"Content":"', ["Bern", "Grün"]
    answer = post(**{"keywords[]": [opening, *words], "hotwords": "Ada", "prompt": 'a talk"}]'}).json()
    assert answer["text"].split("\n") == [*words, "Ada", "a talk"]


@pytest.mark.parametrize(
    "fields",
    [
        {"chunking_strategy": "auto"},
        {"chunking_strategy": '{"type":"server_vad"}'},
        {"chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "0.5"},
        {"nested[a]": "1", "unknown": "x", "user": ""},
        {"language": "", "prompt": "", "temperature": "", "response_format": ""},
        {"temperature": "0.4", "languages[]": ["en", "de"]},
        {"model": "vibevoice-asr"},
        {"model": "tiny"},
        {"prompt": "<|box_start|><|im_end|><|endoftext|>"},
    ],
)
def test_accepted(post: Post, fields: dict[str, object]) -> None:
    answer = post(**fields)
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == TEXT


@pytest.mark.parametrize(
    ("param", "fields"),
    [
        ("response_format", {"response_format": "xml"}),
        ("temperature", {"temperature": "1.5"}),
        ("temperature", {"temperature": "nan"}),
        ("temperature", {"temperature": "warm"}),
        ("stream", {"stream": "maybe"}),
        ("language", {"language": "e n"}),
        ("max_line_width", {"max_line_width": "9"}),
        ("max_line_width", {"max_line_width": "wide", "response_format": "srt"}),
        ("max_line_count", {"max_line_count": "0", "response_format": "vtt"}),
        ("min_cue_duration", {"min_cue_duration": "-1", "response_format": "srt"}),
        ("min_cue_duration", {"min_cue_duration": "5", "max_cue_duration": "4", "response_format": "srt"}),
        ("max_cue_duration", {"max_cue_duration": "inf", "response_format": "srt"}),
        ("max_cps", {"max_cps": "0", "response_format": "srt"}),
        ("min_cue_gap", {"min_cue_gap": "nan", "response_format": "srt"}),
        ("speaker_labels", {"speaker_labels": "some", "response_format": "srt"}),
        ("language", {"language": "hh"}),
        ("languages", {"languages[]": ["en", "e n"]}),
        ("max_completion_tokens", {"max_completion_tokens": "0"}),
        ("timestamp_granularities", {"timestamp_granularities[]": "word"}),
        ("timestamp_granularities", {"timestamp_granularities[]": "letter", "response_format": "verbose_json"}),
        ("include", {"include[]": "logprobs", "response_format": "text"}),
        ("include", {"include[]": "everything"}),
        ("chunking_strategy", {"chunking_strategy": "never"}),
        ("chunking_strategy", {"chunking_strategy": "{"}),
        ("chunking_strategy", {"chunking_strategy[type]": "other"}),
        ("known_speaker_references", {"known_speaker_names[]": "Ada"}),
        ("known_speaker_names", {"known_speaker_names[]": list("abcde")}),
        ("known_speaker_names", {"known_speaker_names[]": ["a", "a"], "known_speaker_references[]": ["x", "y"]}),
        ("known_speaker_references", {"known_speaker_names[]": "a", "known_speaker_references[]": "http://x/y.wav"}),
        ("known_speaker_references", {"known_speaker_names[]": "a", "known_speaker_references[]": "data:a;base64,?"}),
    ],
)
def test_bad_values_are_named(post: Post, param: str, fields: dict[str, object]) -> None:
    assert_envelope(post(**fields), 400, "invalid_value", param)


def test_a_context_beyond_the_limit(post: Post) -> None:
    assert_envelope(post(prompt="word " * 4000), 400, "context_too_long", "prompt")


def test_another_model(post: Post) -> None:
    assert_envelope(post(model="whisper-9"), 404, "model_not_found", "model")


@pytest.mark.parametrize(
    ("content", "status", "code", "param"),
    [
        (part("model", b"whisper-1") + END, 400, "missing_file", "file"),
        (part("file", b"not a recording") + END, 415, "unsupported_format", "file"),
        (part("audio", b"RIFF", "a.wav") + END, 400, "missing_file", "file"),
        (part("file", b"RIFF", "a.wav") * 2 + END, 400, "missing_file", "file"),
        (part("file", b"", "a.wav") + END, 400, "empty_audio", "file"),
        (part("file", b"RIFF\x00\x00\x00\x00WAVE" + bytes(40), "a.wav") + END, 400, "corrupt_audio", "file"),
        (part("file", b"just words, " * 50, "a.wav") + END, 415, "unsupported_format", "file"),
        (part("file", tone(0.0), "a.wav") + END, 400, "empty_audio", "file"),
        (b"nothing of the kind", 400, "invalid_form", None),
        (b"", 400, "invalid_form", None),
        (part("x", b"y" * (4 * 1024 * 1024 + 1)) + END, 400, "invalid_form", None),
        (part("file", b"x", "a") * 9 + END, 400, "invalid_form", None),
    ],
)
def test_forms_without_usable_audio(
    server: RunningServer, content: bytes, status: int, code: str, param: str | None
) -> None:
    assert_envelope(send(server, content), status, code, param)


@pytest.mark.parametrize(
    ("headers", "content", "status", "code", "param"),
    [
        ({"content-type": "multipart/form-data"}, b"x", 400, "invalid_form", None),
        ({"content-type": "audio/wav"}, b"x", 415, "unsupported_media_type", None),
        ({}, b"", 415, "unsupported_media_type", None),
        ({"content-type": "application/json"}, b"{", 400, "invalid_json", None),
        ({"content-type": "application/json"}, b"[1]", 400, "invalid_value", "input_audio"),
        ({"content-type": "application/json"}, b'{"input_audio":{"data":"?"}}', 400, "invalid_value", "input_audio"),
        (
            {"content-type": "application/json"},
            b'{"input_audio":{"data":""},"prompt":"\\ud800"}',
            400,
            "invalid_json",
            None,
        ),
        (
            {"content-type": "application/json"},
            b'{"input_audio":{"data":""},"keywords":5}',
            400,
            "invalid_value",
            "keywords",
        ),
    ],
)
def test_bodies_that_are_no_form(
    server: RunningServer, headers: dict[str, str], content: bytes, status: int, code: str, param: str | None
) -> None:
    assert_envelope(send(server, content, headers), status, code, param)


def test_a_known_speaker_is_named(server: RunningServer, post: Post, wav: bytes) -> None:
    url = f"data:audio/wav;base64,{base64.b64encode(tone(2.5)).decode()}"
    # 2.5 s of reference and half a second of silence stand before the recording.
    answer = (
        '[{"Start":0,"End":2.4,"Speaker":0,"Content":"the reference"},'
        '{"Start":3.1,"End":4,"Speaker":1,"Content":"hello"},{"Start":4,"End":5,"Speaker":0,"Content":"there"}]'
    )
    body = post(
        prompt=answer,
        response_format="diarized_json",
        **{"known_speaker_names[]": ["Ada"], "known_speaker_references[]": [url]},
    ).json()
    heard = [(s["speaker"], round(s["start"], 2), s["text"]) for s in body["segments"]]
    assert heard == [("A", 0.1, "hello"), ("Ada", 1.0, "there")]
    assert body["duration"] == 3.0


def test_a_reference_of_the_wrong_length(post: Post) -> None:
    url = f"data:audio/wav;base64,{base64.b64encode(tone(1.0)).decode()}"
    answer = post(**{"known_speaker_names[]": ["Ada"], "known_speaker_references[]": [url]})
    assert_envelope(answer, 400, "invalid_value", "known_speaker_references")


def test_translations_are_refused(server: RunningServer, wav: bytes) -> None:
    answer = httpx.post(f"{server.url}/v1/audio/translations", files={"file": ("a.wav", wav)}, data={"model": "x"})
    assert_envelope(answer, 400, "unsupported_endpoint")
