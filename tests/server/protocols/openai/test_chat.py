"""Chat requests: whose turn it is, what the answer goes on from, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from server.protocols.openai.chat.messages import recording_in, turns_of
from server.protocols.openai.chat.request import ChatParameters, parameters_of
from server.protocols.openai.errors import InvalidParameter

AUDIO = {"type": "input_audio", "input_audio": {"data": "0", "format": "wav"}}
VLLM_AUDIO = {"type": "audio_url", "audio_url": {"url": "0"}}
SYSTEM = {"role": "system", "content": "You transcribe."}


def user(*parts: object) -> dict[str, Any]:
    return {"role": "user", "content": list(parts)}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def parameters(*messages: dict[str, Any], **more: Any) -> ChatParameters:
    return parameters_of({"messages": list(messages), **more})


@pytest.mark.parametrize("audio", [AUDIO, VLLM_AUDIO, {"type": "audio_url", "audio_url": "0"}])
@pytest.mark.parametrize("first", [True, False])
def test_the_first_user_message_has_the_recording_in_any_shape_and_place(audio: dict[str, Any], first: bool) -> None:
    parts = [audio, text("What is said?")] if first else [text("What is said?"), audio]
    messages = parameters(SYSTEM, user(*parts)).messages
    assert recording_in(messages) == "0"
    assert turns_of(messages) == (("What is said?",), "")


@pytest.mark.parametrize(
    "messages",
    [
        [user(text("no sound"))],
        [SYSTEM],
        [user(AUDIO, AUDIO)],
        [user(AUDIO), {"role": "assistant", "content": "A."}, user(VLLM_AUDIO)],
        [user(text("first")), {"role": "assistant", "content": "A."}, user(AUDIO)],
        [{"role": "assistant", "content": "A."}, user(AUDIO)],
    ],
)
def test_one_recording_in_the_first_user_message(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(InvalidParameter, match="first user message"):
        recording_in(parameters(*messages).messages)


def test_turns_are_told_in_order_and_what_the_assistant_says_last_begins_the_answer() -> None:
    turns = [
        SYSTEM,
        user(AUDIO),
        {"role": "assistant", "content": "[]"},
        {"role": "user", "content": "Is that all?"},
        user(text("Really?")),
    ]
    assert turns_of(parameters(*turns).messages) == (("", "[]", "Is that all?\nReally?"), "")
    prefix = {"role": "assistant", "content": [text('[{"Start":0')]}
    assert turns_of(parameters(*turns, prefix).messages)[1] == '[{"Start":0'


@pytest.mark.parametrize(
    ("change", "param", "told"),
    [
        ({"n": 2}, "n", "n: this server gives one answer to a request, so that n is 1."),
        ({"top_logprobs": 5}, "top_logprobs", "top_logprobs needs logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "less than or equal to 20"),
        ({"temperature": 3}, "temperature", "less than or equal to 2"),
        ({"top_p": 0}, "top_p", "greater than 0"),
        ({"stop": [""]}, "stop", "at least 1 character"),
        ({"stop": ["x"] * 17}, "stop", "at most 16"),
        ({"messages": []}, "messages", "at least 1"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages", "messages.0.role"),
        ({"messages": [user({"type": "image_url", "image_url": {"url": "0"}})]}, "messages", "messages.0.content.0"),
        ({"messages": "hello"}, "messages", "messages"),
    ],
)
def test_what_cannot_be_honoured_is_named(change: dict[str, Any], param: str, told: str) -> None:
    with pytest.raises(InvalidParameter, match=told) as refused:
        parameters_of({"messages": [user(AUDIO)]} | change)
    assert refused.value.param == param


def test_null_is_absent_and_what_nobody_knows_is_ignored() -> None:
    made = parameters(user(AUDIO), temperature=None, stop="END", repetition_penalty=1.1, max_tokens=9)
    assert (made.temperature, made.stop, made.most_tokens) == (0.0, ("END",), 9)
    assert parameters(user(AUDIO), max_tokens=9, max_completion_tokens=4).most_tokens == 4
