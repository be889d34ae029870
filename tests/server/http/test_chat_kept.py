"""What is kept of conversations over HTTP: whom it gives way to, and how it is told of answers that are streamed."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import httpx
import pytest

from model.family import VIBEVOICE_ASR
from server.engine.budget import pass_positions
from tests.server.http.conftest import tone
from tests.support.scripted_runner import AFTER, BEFORE
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import ANSWER, TEXT, SpeakingRunner

SECONDS = 40.0
PAGE = 8
ROOM = -(-(pass_positions(VIBEVOICE_ASR, SECONDS) + 8) // PAGE)
"""Pages that a recording needs. The answer of a few segments fills hardly more of them than those of the audio."""


@pytest.fixture
def small() -> Iterator[RunningServer]:
    """There is room for one long recording, or one that was heard and a short one."""
    runner = partial(SpeakingRunner, pages=ROOM, page_size=PAGE)
    with running_server(runner, min_audio_minutes=0.25, live_window_seconds=10) as running:
        yield running


class Turn(NamedTuple):
    """What came of a turn of a conversation."""

    text: str
    prompt: int
    cached: int


def body_of(seconds: float, words: str) -> dict[str, Any]:
    url = "data:audio/wav;base64," + base64.b64encode(tone(seconds, rate=8000)).decode()
    parts = [{"type": "audio_url", "audio_url": {"url": url}}, {"type": "text", "text": words}]
    return {"messages": [{"role": "user", "content": parts}]}


def turn(server: RunningServer, seconds: float, words: str = "What is said?") -> Turn:
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body_of(seconds, words), timeout=PATIENCE)
    assert answer.status_code == httpx.codes.OK, answer.text
    told = answer.json()
    usage = told["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    return Turn(told["choices"][0]["message"]["content"], usage["prompt_tokens"], cached)


def streamed(server: RunningServer, seconds: float, words: str, **options: bool) -> list[dict[str, Any]]:
    """The events of the same as it comes."""
    body = body_of(seconds, words) | {"stream": True, **({"stream_options": options} if options else {})}
    answer = httpx.post(f"{server.url}/v1/chat/completions", json=body, timeout=PATIENCE)
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def evicted(server: RunningServer) -> float:
    return server.metric("asr_kept_conversation_evictions_total", reason="pages")


def test_a_kept_conversation_goes_when_a_recording_needs_its_pages_and_not_before(small: RunningServer) -> None:
    first = turn(small, SECONDS)
    assert (first.text, first.cached) == (ANSWER, 0)
    again = turn(small, SECONDS)
    assert again.cached == again.prompt - 1
    url = f"{small.url}/v1/audio/transcriptions"
    for seconds, gone in ((1.0, 0), (SECONDS, 1)):
        small.wait_for(lambda: small.metric("asr_kept_conversations") == 1, "it is kept")
        heard = httpx.post(url, files={"file": tone(seconds, rate=8000)}, timeout=PATIENCE)
        assert heard.json()["text"].startswith(TEXT)
        small.wait_for(lambda: small.metric("asr_active_streams") == 0, "the recording is done")
        assert evicted(small) == gone, seconds
        assert turn(small, SECONDS) == (ANSWER, first.prompt, again.cached * (1 - gone))


def test_what_was_known_is_told_of_answers_that_are_streamed_if_anybody_wants_it(small: RunningServer) -> None:
    assert not any(event.get("usage") for event in streamed(small, 2.0, "And now?"))
    known = []
    for seconds, words in ((3.0, "Who?"), (3.0, "Who?"), (3.0, "And what then?")):
        events = streamed(small, seconds, words, include_usage=True)
        assert [bool(event.get("usage")) for event in events] == [False] * (len(events) - 1) + [True]
        usage = events[-1]["usage"]
        assert events[-1]["choices"] == []
        known.append(usage["prompt_tokens_details"]["cached_tokens"])
    heard = BEFORE + usage["prompt_tokens_details"]["audio_tokens"]
    assert known == [0, heard + AFTER - 1, heard]
    whole = turn(small, 3.0, "And what then?")
    assert (whole.prompt, whole.cached) == (usage["prompt_tokens"], heard + AFTER - 1)
