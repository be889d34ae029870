"""Chat completions in the real tokens: OpenAI's client, and Microsoft's flow, which retries from a prefix."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.server.habits.conftest import AUDIO, SECONDS, WAV, Habitual, assert_told, said
from tests.support.habits import Cure, Habit, command

URL = "data:audio/wav;base64," + base64.b64encode(WAV).decode()
SYSTEM = "You are a helpful assistant that transcribes audio input into text output in JSON format."
KEYS = "Start time, End time, Speaker ID, Content"
FRAMES = -(-AUDIO.size // 3200)


def asked(words: str = "") -> list[dict[str, Any]]:
    """As Microsoft's clients ask."""
    parts: list[dict[str, Any]] = [{"type": "audio_url", "audio_url": {"url": URL}}]
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": [*parts, {"type": "text", "text": words}] if words else parts},
    ]


def hotwords(words: str) -> str:
    told = f"This is a {SECONDS:.2f} seconds audio, with extra info: {words}"
    return f"{told}\n\nPlease transcribe it with these keys: {KEYS}"


@pytest.fixture
def client(server: Habitual) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.running.url}/v1", api_key="any", max_retries=0, timeout=60) as made:
        yield made


def events(response: httpx.Response) -> list[dict[str, Any]]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def test_openais_client_gets_the_models_own_words_and_what_they_cost(client: openai.OpenAI) -> None:
    messages: Any = asked()
    whole = client.chat.completions.create(model="vibevoice", messages=messages, logprobs=True)
    (choice,) = whole.choices
    assert choice.finish_reason == "stop"
    content = choice.message.content or ""
    assert [segment["Content"] for segment in json.loads(content)] == said()
    assert choice.logprobs is not None
    assert "".join(token.token for token in choice.logprobs.content or ()) == content
    assert whole.usage is not None
    assert whole.usage.prompt_tokens_details is not None
    assert whole.usage.prompt_tokens_details.audio_tokens == FRAMES
    assert whole.usage.completion_tokens >= len(choice.logprobs.content or ())

    options: Any = {"include_usage": True}
    stream = list(
        client.chat.completions.create(model="vibevoice", messages=messages, stream=True, stream_options=options)
    )
    assert "".join(event.choices[0].delta.content or "" for event in stream if event.choices) == content
    assert stream[0].choices[0].delta.role == "assistant"
    assert stream[-2].choices[0].finish_reason == "stop"
    assert stream[-1].choices == []
    usage = stream[-1].usage
    assert usage is not None
    assert (usage.prompt_tokens, usage.completion_tokens) == (whole.usage.prompt_tokens, whole.usage.completion_tokens)
    assert usage.prompt_tokens_details is not None
    assert usage.prompt_tokens_details.audio_tokens == FRAMES
    assert usage.prompt_tokens_details.cached_tokens == usage.prompt_tokens - 1, "all but the last was heard before"


def test_an_answer_goes_on_behind_a_prefix_to_the_same_end(client: openai.OpenAI) -> None:
    messages: Any = asked()

    spent: list[int] = []

    def answer(prefix: str) -> str:
        given = [*messages, {"role": "assistant", "content": prefix}] if prefix else messages
        completion = client.chat.completions.create(model="vibevoice", messages=given)
        assert completion.usage is not None
        spent.append(completion.usage.completion_tokens)
        return completion.choices[0].message.content or ""

    whole = answer("")
    ends = [place + 2 for place in range(len(whole)) if whole[place : place + 2] == "},"]
    for end in (1, *ends[:3], ends[-1]):
        assert whole[:end] + answer(whole[:end]) == whole
    assert spent == sorted(spent, reverse=True), "what was given costs nothing again"
    assert spent[-1] < spent[0] / 2


def test_what_an_answer_costs_is_told_without_the_guard_too(unguarded: Habitual) -> None:
    answer = unguarded.client.post("/v1/chat/completions", json={"messages": asked(), "logprobs": True}).json()
    tokens = answer["choices"][0]["logprobs"]["content"]
    assert answer["usage"]["completion_tokens"] == len(tokens) > 0


def test_an_answer_ends_where_it_is_told_to(client: openai.OpenAI) -> None:
    messages: Any = asked()
    stopped = client.chat.completions.create(model="vibevoice", messages=messages, stop=[',"Speaker"']).choices[0]
    assert stopped.finish_reason == "stop"
    assert (stopped.message.content or "").startswith('[{"Start":')
    assert "Speaker" not in (stopped.message.content or "")
    cut = client.chat.completions.create(model="vibevoice", messages=messages, max_tokens=7)
    assert cut.choices[0].finish_reason == "length"
    assert cut.usage is not None
    assert cut.usage.completion_tokens == 7


def test_a_loop_is_dealt_with_here_before_a_client_sees_it(server: Habitual) -> None:
    body = {"messages": asked(hotwords(command(Habit.PHRASE, Cure.TEMPERATURE, turn=3))), "stream": True}
    response = server.client.post("/v1/chat/completions", json=body)
    assert_told("".join(event["choices"][0]["delta"].get("content", "") for event in events(response)), said()[:3])


def test_microsofts_recovery_completes_where_nobody_else_sees_to_loops(unguarded: Habitual) -> None:
    """Stream greedily; on a loop cut to a segment's end, send that as the assistant's words, and ask warmer."""
    words = hotwords(command(Habit.WORDS, Cure.TEMPERATURE, turn=0))
    shown, temperature = "", 0.0
    for attempt in range(4):
        given = [*asked(words), *([{"role": "assistant", "content": shown}] if shown else [])]
        body = {"model": "vibevoice", "messages": given, "stream": True, "max_tokens": 600, "top_p": 0.95}
        response = unguarded.client.post("/v1/chat/completions", json=body | {"temperature": temperature})
        text = "".join(event["choices"][0]["delta"].get("content", "") for event in events(response))
        if text.endswith("}]"):
            shown += text
            break
        shown += text[: text.rfind("},") + 2] if "}," in text else ""
        temperature = 0.2 + 0.1 * attempt
    assert json.loads(shown)


def with_audio(part: object) -> str:
    return json.dumps({"messages": [{"role": "user", "content": [part]}]})


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b"[]", 400, "messages"),
        (b"{", 400, "valid JSON"),
        (json.dumps({"messages": [{"role": "user", "content": "hi"}]}), 400, "recording"),
        (json.dumps({"model": "gpt-5", "messages": asked()}), 404, "does not exist"),
        (with_audio({"type": "audio_url", "audio_url": {"url": "https://a.example/b.wav"}}), 400, "fetches nothing"),
        (with_audio({"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,!"}}), 400, "base64"),
        (with_audio({"type": "input_audio", "input_audio": {"data": 3}}), 400, "recording"),
        (with_audio({"type": "input_audio", "input_audio": {"data": {"data": "7"}}}), 400, "recording"),
        (with_audio({"type": "input_audio", "input_audio": {"url": "0"}}), 400, "recording"),
        (with_audio({"type": "input_audio"}), 400, "recording"),
        (with_audio({"type": "input_audio", "input_audio": "never base64!"}), 400, "base64"),
        (with_audio({"type": "input_audio", "input_audio": {"data": "AAAA"}}), 415, "audio"),
    ],
)
def test_what_is_wrong_is_told_in_openais_shape(server: Habitual, body: bytes | str, status: int, told: str) -> None:
    headers = {"content-type": "application/json"}
    response = server.client.post("/v1/chat/completions", content=body, headers=headers)
    assert (response.status_code, list(response.json())) == (status, ["error"]), response.text
    assert told in response.json()["error"]["message"]


@pytest.mark.parametrize("meant_first", [True, False])
def test_a_parts_type_says_which_of_the_recordings_in_it_is_meant(server: Habitual, meant_first: bool) -> None:
    meant, other = {"audio_url": {"url": URL}}, {"input_audio": {"data": "AAAA"}}
    part = {"type": "audio_url", **(meant | other if meant_first else other | meant)}
    response = server.client.post(
        "/v1/chat/completions", content=with_audio(part), headers={"content-type": "application/json"}
    )
    assert response.status_code == 200, response.text
    content = response.json()["choices"][0]["message"]["content"]
    assert [segment["Content"] for segment in json.loads(content)] == said()
