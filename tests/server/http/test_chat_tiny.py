"""Chat completions over the tiny checkpoint: turns, beginnings cut anywhere, and what was heard before."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import openai
import pytest
import soundfile  # type: ignore[import-untyped]

from server.engine.worker.load import ModelWishes, load_model
from tests.support.samples import SAMPLES
from tests.support.scripted_server import RunningServer, running_server

RECORDING = base64.b64encode((SAMPLES / "short.flac").read_bytes()).decode()
TINY = partial(
    load_model, ModelWishes("tiny", device="cpu", dtype="float32", kv_positions=4096, min_audio_seconds=30.0)
)
KEYS = "Start time, End time, Speaker ID, Content"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningServer]:
    with running_server(TINY, api_keys=("one", "two")) as running:
        yield running


@pytest.fixture
def client(running: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="one", max_retries=0, timeout=120) as made:
        yield made


def asked(*turns: str) -> list[Any]:
    """A conversation about the recording, user and assistant by turns; the first words may be none."""
    audio = {"type": "input_audio", "input_audio": {"data": RECORDING, "format": "flac"}}
    roles = ("user", "assistant")
    messages: list[Any] = [{"role": roles[n % 2], "content": words} for n, words in enumerate(turns)]
    messages[0]["content"] = [audio, *([{"type": "text", "text": turns[0]}] if turns[0] else [])]
    return messages


def answer(client: openai.OpenAI, messages: list[Any], **more: Any) -> tuple[str, int]:
    """What it says, and how much of the prompt was known."""
    completion = client.chat.completions.create(model="vibevoice", messages=messages, **more)
    assert completion.usage is not None
    assert completion.usage.prompt_tokens_details is not None
    return completion.choices[0].message.content or "", completion.usage.prompt_tokens_details.cached_tokens or 0


@pytest.fixture(scope="module")
def plain(running: RunningServer) -> str:
    """The recording's transcript, with the first key; of which nothing was known."""
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="one", max_retries=0, timeout=120) as client:
        content, cached = answer(client, asked(""))
    assert json.loads(content)
    assert cached == 0
    return content


def test_turns_are_answered_the_same_whether_the_recording_was_heard_before_or_not(
    client: openai.OpenAI, plain: str
) -> None:
    with client.with_options(api_key="two") as other:
        for turn, warmth in ((("", plain, "Who speaks first?"), 0.0), (("What is said?",), 0.9)):
            mine, known = answer(client, asked(*turn), max_tokens=12, temperature=warmth, seed=5)
            assert known > 20, "the recording at least"
            theirs, _ = answer(other, asked(*turn), max_tokens=12, temperature=warmth, seed=5)
            assert mine == theirs


def test_an_answer_goes_on_exactly_behind_a_beginning_that_was_cut_anywhere(client: openai.OpenAI, plain: str) -> None:
    content = plain.index('"Content":"') + len('"Content":"')
    for place in (5, content - 3, content + 2, content + 5):
        rest, known = answer(client, asked("", plain[:place]), max_tokens=6)
        assert rest
        assert plain[place:].startswith(rest), place
        assert known > 20


def test_likeliest_tokens_are_those_of_the_place(client: openai.OpenAI) -> None:
    messages = asked("")
    completion = client.chat.completions.create(
        model="vibevoice", messages=messages, logprobs=True, top_logprobs=20, max_tokens=6
    )
    logprobs = completion.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content
    for token in logprobs.content:
        assert len(token.top_logprobs) == 20
        assert (token.top_logprobs[0].token, token.top_logprobs[0].bytes) == (token.token, token.bytes)
        assert token.top_logprobs[0].logprob == pytest.approx(token.logprob, abs=1e-4)
    cut, _ = answer(client, asked("", '[{"Sta'), max_tokens=1)
    assert cut == "rt", "the rest of the token that the beginning was cut in"


def test_what_microsofts_clients_send_is_answered_and_gone_on_from(client: openai.OpenAI, plain: str) -> None:
    """Their system text and wording give the tokens of a request without any; a loop is retried from a prefix."""
    seconds = len(soundfile.read(SAMPLES / "short.flac")[0]) / soundfile.info(SAMPLES / "short.flac").samplerate
    words = f"This is a {seconds:.2f} seconds audio, please transcribe it with these keys: {KEYS}"
    system: Any = {
        "role": "system",
        "content": "You are a helpful assistant that transcribes audio input into text output in JSON format.",
    }
    theirs, _ = answer(client, [system, *asked(words)], max_tokens=24)
    assert plain.startswith(theirs)
    shown = plain[: plain.rindex('"},') + 3] if '"},' in plain else "["
    messages = [system, *asked(words, shown)]
    stream = client.chat.completions.create(
        model="vibevoice", messages=messages, max_tokens=32768, temperature=0.2, top_p=0.95, stream=True
    )
    rest = "".join(event.choices[0].delta.content or "" for event in stream)
    assert all({"Start", "End", "Content"} <= set(segment) for segment in json.loads(shown + rest))
