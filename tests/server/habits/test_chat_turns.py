"""Conversations of several turns in the real tokens: what is kept, for whom, and how long a recording may be."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import httpx
import openai
import pytest

from tests.server.habits.conftest import WAV, Habitual, habitual_server, said
from tests.server.habits.test_chat import FRAMES, SYSTEM, asked
from tests.support.habitual_runner import HabitualRunner
from tests.support.scripted_server import running_server
from tests.support.snapshot import snapshot

ROOM = 1500
"""Positions of a prompt and its answer: about a minute and a half of audio."""


@pytest.fixture(scope="module")
def kept() -> Iterator[Habitual]:
    """Answers run in circles here until somebody stops them; two callers have a key each."""
    with habitual_server(
        snapshot(), forced=False, loop_guard=False, api_keys=("one", "two"), kept_conversations=2
    ) as habitual:
        yield habitual


def chat(server: Habitual, messages: list[dict[str, Any]], key: str = "one", **more: Any) -> dict[str, Any]:
    body = {"model": "vibevoice", "messages": messages, **more}
    response = server.client.post("/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key}"})
    assert response.status_code == 200, response.text
    completion: dict[str, Any] = response.json()
    return completion


def cached(completion: dict[str, Any]) -> int:
    count: int = completion["usage"]["prompt_tokens_details"]["cached_tokens"]
    return count


def test_openais_client_goes_on_turn_by_turn_and_only_the_first_hears_the_recording(kept: Habitual) -> None:
    with openai.OpenAI(base_url=f"{kept.running.url}/v1", api_key="one", max_retries=0, timeout=60) as client:
        messages: Any = [
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
        ]
        messages[0]["content"][0]["input_audio"]["data"] = base64.b64encode(WAV).decode()
        first = client.chat.completions.create(model="vibevoice-asr", messages=messages)
        content = first.choices[0].message.content or ""
        assert [segment["Content"] for segment in json.loads(content)] == said()
        known = []
        for question in ("Who speaks first?", "And what about?"):
            messages += [{"role": "assistant", "content": content}, {"role": "user", "content": question}]
            options: Any = {"include_usage": True}
            stream = list(
                client.chat.completions.create(
                    model="vibevoice-asr", messages=messages, stream=True, stream_options=options
                )
            )
            content = "".join(event.choices[0].delta.content or "" for event in stream if event.choices)
            usage = stream[-1].usage
            assert usage is not None
            assert usage.prompt_tokens_details is not None
            known.append(usage.prompt_tokens_details.cached_tokens or 0)
        assert all(count >= FRAMES for count in known)
    frames = kept.running.metric("asr_encoded_frames_total")
    assert frames < 2 * FRAMES, "the recording was encoded once, and a second of silence"
    assert kept.running.metric("asr_kept_conversation_hits_total") == 2


def test_nobody_finds_what_another_key_has_sent(kept: Habitual) -> None:
    mine = asked("Whose is it?")
    chat(kept, mine)
    assert cached(chat(kept, mine)) >= FRAMES
    assert cached(chat(kept, mine, "two")) == 0
    assert cached(chat(kept, mine, "two")) >= FRAMES


def test_questions_at_once_hear_the_recording_once(kept: Habitual) -> None:
    """As chat front ends put them, who ask for a title and for tags beside the answer."""
    frames, hits = (kept.running.metric(f"asr_{name}_total") for name in ("encoded_frames", "kept_conversation_hits"))
    questions = ["Who speaks?", "Write a title.", "Write tags.", "What follows?"]
    system = {"role": "system", "content": "For several at once."}  # nobody has asked behind that before
    with ThreadPoolExecutor(len(questions)) as threads:
        answers = list(threads.map(lambda question: chat(kept, [system, *asked(question)]), questions))
    assert sorted(cached(answer) >= FRAMES for answer in answers) == [False, True, True, True]
    assert all(answer["choices"][0]["message"]["content"] for answer in answers)
    assert kept.running.metric("asr_encoded_frames_total") - frames < 1.5 * FRAMES
    assert kept.running.metric("asr_kept_conversation_hits_total") - hits == 3


def test_another_system_text_is_another_prompt(kept: Habitual) -> None:
    with_own, without = asked("What is it?"), asked("What is it?")[1:]
    assert with_own[0]["content"] == SYSTEM
    usage = chat(kept, with_own)["usage"]
    other = [{"role": "system", "content": "Answer in Danish."}, *without]
    first = chat(kept, other)
    assert cached(first) == 0
    assert cached(chat(kept, [{"role": "developer", "content": "Answer in Danish."}, *without])) >= FRAMES
    assert first["usage"]["prompt_tokens"] != usage["prompt_tokens"]


def test_what_is_kept_is_told_and_is_nobodys_load(kept: Habitual) -> None:
    chat(kept, asked("Anything?"))
    kept.running.wait_for(lambda: kept.running.metric("asr_kept_conversations") > 0, "it is kept")
    assert kept.running.metric("asr_kept_conversations") <= 2
    assert kept.running.metric("asr_kv_pages_kept") > 0
    kept.running.wait_for(lambda: kept.running.metric("asr_kv_pages_used") == 0, "nobody uses pages")
    assert kept.running.metric("asr_active_streams") == 0
    assert kept.running.metric("asr_queue_requests") == 0


def test_the_likeliest_tokens_are_told_as_openai_tells_them(kept: Habitual) -> None:
    messages: Any = asked()
    with openai.OpenAI(base_url=f"{kept.running.url}/v1", api_key="one", max_retries=0, timeout=60) as client:
        completion = client.chat.completions.create(
            model="vibevoice", messages=messages, logprobs=True, top_logprobs=3, max_tokens=12
        )
        options: Any = {"model": "vibevoice", "messages": messages, "logprobs": True, "top_logprobs": 3}
        stream = list(client.chat.completions.create(**options, max_tokens=12, stream=True))
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    for token in logprobs.content:
        (best,) = token.top_logprobs  # the double knows of no other
        assert (best.token, best.bytes, best.logprob) == (token.token, token.bytes, token.logprob)
    streamed = [
        token
        for event in stream
        for choice in event.choices
        if choice.logprobs is not None
        for token in choice.logprobs.content or ()
    ]
    assert streamed == logprobs.content


@pytest.fixture(scope="module")
def cramped() -> Iterator[Habitual]:
    """There is room for little, and nothing is kept."""
    runner = partial(HabitualRunner, checkpoint=snapshot(), talk=(), forced=False, max_positions=ROOM)
    with (
        running_server(runner, kept_conversations=0, min_audio_minutes=0.5) as running,
        httpx.Client(base_url=running.url, timeout=60) as client,
    ):
        yield Habitual(running, client)


def silence(seconds: int) -> str:
    """A recording, as a data: URL."""
    with io.BytesIO() as file:
        with wave.open(file, "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(1)
            wav.setframerate(8000)
            wav.writeframes(b"\x80" * 8000 * seconds)
        return "data:audio/wav;base64," + base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("seconds", [100, 1000])
def test_a_recording_that_is_too_long_is_refused_with_the_way_out_and_without_work(
    cramped: Habitual, seconds: int
) -> None:
    message = {"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": silence(seconds)}}]}
    response = cramped.client.post("/v1/chat/completions", json={"messages": [message]})
    assert response.status_code in (400, 413), response.text
    error = response.json()["error"]
    assert error["code"] == "audio_too_long"
    assert f"lasts {seconds} s" in error["message"]
    assert "/v1/audio/transcriptions" in error["message"]
    assert "room for 84 s" in error["message"]
    assert cramped.running.metric("asr_answer_tokens_total") == 0


def test_nothing_is_kept_where_nobody_wants_it(cramped: Habitual) -> None:
    message = {"role": "user", "content": [{"type": "audio_url", "audio_url": {"url": silence(3)}}]}
    for _ in range(2):
        answer = cramped.client.post("/v1/chat/completions", json={"messages": [message]}).json()
        assert cached(answer) == 0
    assert cramped.running.metric("asr_kept_conversation_misses_total") == 0
