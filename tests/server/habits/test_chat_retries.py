"""Microsoft's flow over a model that loops: the client cuts the answer where it can be believed, and asks to go on.

With the server's own guard against loops, as by default, and with none.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.server.habits.conftest import BAD_TURN, Habitual, assert_told, said
from tests.server.habits.test_chat import FRAMES, asked, hotwords
from tests.support.habits import Cure, Habit, command


class Client:
    """What is told may not be taken back, and a loop is retried from there, warmer each time.

    Attributes:
        shown: what may be shown of the answer, as far as it is given back with the next attempt.
        cached: tokens of the prompt that were known, of the attempt that came to its end.
    """

    def __init__(self, server: Habitual, words: str, shown: str = "") -> None:
        self.server, self.messages = server, asked(words)
        self.shown, self.retries = shown, 0
        self.cached = 0

    def run(self) -> str:
        text = ""
        while (text := self._attempt()) == "":
            self.retries += 1
            assert self.retries <= 3, "it gives up"
        return text

    def _attempt(self) -> str:
        """All of the answer; nothing where it runs in circles, with what may be shown of it."""
        given = [*self.messages, *([{"role": "assistant", "content": self.shown}] if self.shown else [])]
        warmth = {"temperature": 0.1 + 0.1 * self.retries, "top_p": 0.95} if self.retries else {"temperature": 0.0}
        body = {"model": "vibevoice", "messages": given, "max_tokens": 32768, "stream": True, **warmth}
        body["stream_options"] = {"include_usage": True}
        text = self.shown
        with self.server.client.stream("POST", "/v1/chat/completions", json=body) as response:
            assert response.status_code == 200, response.read()
            for line in response.iter_lines():
                if line == "data: [DONE]":
                    return text
                if line.startswith("data: "):
                    text += self._told(json.loads(line[6:]))
                if _runs_in_circles(text):
                    self.shown = text[: text.rfind("},", 0, max(0, len(text) - 400)) + 2] if "}," in text else ""
                    return ""
        raise AssertionError("the stream ended without its end")

    def _told(self, event: dict[str, Any]) -> str:
        if (usage := event.get("usage")) is not None:
            self.cached = usage["prompt_tokens_details"]["cached_tokens"]
        return "".join(choice["delta"].get("content", "") for choice in event["choices"])


def _runs_in_circles(text: str) -> bool:
    last = text[-400:]
    return any(last.endswith(last[-size:] * 10) for size in range(10, 41) if len(last) >= 10 * size)


CURES = [(3, Cure.HOTTER), (0, Cure.TEMPERATURE), (4, Cure.BEHIND)]


@pytest.mark.parametrize(("turn", "cure"), CURES)
def test_without_a_guard_the_client_finds_the_loop_and_goes_on_behind_what_it_has_shown(
    unguarded: Habitual, turn: int, cure: Cure
) -> None:
    """It leaves in the middle of an answer, and comes back with the same recording."""
    client = Client(unguarded, hotwords(command(Habit.PHRASE, cure, turn=turn)))
    segments = json.loads(client.run())
    assert client.retries >= 1
    assert [segment["Content"] for segment in segments][-1] == said()[-1]
    assert client.cached >= FRAMES, "whoever retries is not made to wait for the recording again"
    unguarded.running.wait_for(lambda: unguarded.running.metric("asr_active_streams") == 0, "whom it left is let go")


@pytest.mark.parametrize(("turn", "cure"), CURES)
def test_with_the_guard_the_client_never_sees_a_loop(server: Habitual, turn: int, cure: Cure) -> None:
    client = Client(server, hotwords(command(Habit.PHRASE, cure, turn=turn)))
    segments = json.loads(client.run())
    assert client.retries == 0
    assert segments[-1]["Content"] == said()[-1]


@pytest.mark.parametrize("cure", [Cure.TEMPERATURE, Cure.NEVER])
def test_with_the_guard_a_retry_from_a_prefix_completes_over_a_model_that_loops_again(
    server: Habitual, cure: Cure
) -> None:
    """As where a client of other servers' habits cuts the answer all the same, in front of the turn that loops: what is
    given back is not told again, nor asked for again, and behind it loops are dealt with as in any answer."""
    words = hotwords(command(Habit.PHRASE, cure, turn=BAD_TURN))
    whole = json.loads(Client(server, hotwords("")).run())
    shown = json.dumps(whole[:2], ensure_ascii=False, separators=(",", ":"))[:-1] + ","
    client = Client(server, words, shown)
    text = client.run()
    assert client.retries == 0
    assert text.startswith(shown)
    assert client.cached >= FRAMES
    segments = json.loads(text)
    assert segments[:2] == whole[:2]
    told = [segment["Content"] for segment in segments]
    assert_told(" | ".join(told), said(without=BAD_TURN))
    assert all(told.count(turn) == 1 for turn in said(without=BAD_TURN)), told
