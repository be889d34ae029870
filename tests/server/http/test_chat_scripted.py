"""Conversations with a model that spells letter by letter: going on within a word costs an answer nothing."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import httpx
import pytest

from model.seam.streams import Question
from server.transcript.detokenizer import Vocabulary
from tests.server.http.conftest import tone
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import ANSWER, CHECKPOINT, SpeakingRunner

URL = "data:audio/wav;base64," + base64.b64encode(tone(3.0)).decode()


@cache
def vocabulary() -> Vocabulary:
    return Vocabulary.load(CHECKPOINT)


@cache
def letters() -> dict[bytes, int]:
    return {spelled: token for token in range(2000) if len(spelled := vocabulary().bytes_of(token)) == 1}


@dataclass
class SpellingRunner(SpeakingRunner):
    """Whatever its answer begins with, it goes on in tokens of a byte each."""

    def answer_to(self, stream: int, question: Question) -> list[int]:
        begun = vocabulary().text(question.begun)
        assert ANSWER.startswith(begun)
        return [*question.begun, *(letters()[bytes([byte])] for byte in ANSWER.removeprefix(begun).encode())]


@pytest.fixture(scope="module")
def spelling() -> Iterator[RunningServer]:
    with running_server(partial(SpellingRunner, step_seconds=0.001), kept_conversations=4) as running:
        yield running


def post(server: RunningServer, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=60)


def answered(server: RunningServer, prefix: str, most: int) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": URL}}]},
        {"role": "assistant", "content": prefix},
    ]
    asked = {"messages": messages, "max_tokens": most}
    answer = post(server, asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("most", [1, 2, 5])
def test_what_is_written_anew_does_not_count(spelling: RunningServer, most: int) -> None:
    """Also where the conversation is kept, and heard no second time."""
    ends = [place for place in range(3, len(ANSWER) - 8) if ANSWER[place - 1 : place + 1].isalpha()]
    ends = [end for end in ends if ANSWER[end : end + most].isascii()]
    longest = max(ends, key=lambda end: len(spelled(ANSWER[:end])))
    for end in (*ends[::12], longest):
        told = answered(spelling, ANSWER[:end], most)
        (choice,) = told["choices"]
        assert ANSWER[end:].startswith(choice["message"]["content"])
        assert len(choice["message"]["content"].encode()) == most, ANSWER[:end]
        assert (told["usage"]["completion_tokens"], choice["finish_reason"]) == (most, "length")


def spelled(text: str) -> bytes:
    """What of it is one token though it would be written as several."""
    return vocabulary().bytes_of(vocabulary().ids(text)[-1])


@pytest.mark.parametrize(
    ("url", "words", "code", "says"),
    [
        ("data:audio/wav;base64,", "", "empty_audio", "empty"),
        ("data:audio/wav;base64," + base64.b64encode(b"no sound").decode(), "", "unsupported_format", "audio"),
        (URL, "word " * 70_000, "context_too_long", "The conversation may have"),
    ],
)
def test_what_is_wrong_is_told_of_the_messages(
    spelling: RunningServer, url: str, words: str, code: str, says: str
) -> None:
    """There is no file here, and no prompt."""
    parts = [{"type": "audio_url", "audio_url": {"url": url}}, {"type": "text", "text": words}]
    refused = post(spelling, {"messages": [{"role": "user", "content": parts}]})
    assert 400 <= refused.status_code < 500
    error = refused.json()["error"]
    assert (error["code"], error["param"]) == (code, "messages")
    assert says in error["message"]
