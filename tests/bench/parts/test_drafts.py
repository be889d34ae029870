"""How much drafts save on the real vocabulary, by kind of recording: counted, so the same everywhere."""

from __future__ import annotations

import pytest

from bench.parts.drafts import Answer, Replay, answer_draft, answers, replay
from model.drafts.token_texts import TokenTexts
from tests.support import qwen

RATES = {
    "meeting, long turns": (1.41, 1.36),
    "interview, by sentence": (2.35, 2.17),
    "lecture, one speaker": (1.32, 1.28),
    "podcast, Chinese": (1.6, 1.52),
    "conversation, German": (1.91, 1.78),
    "support call, short turns": (2.03, 1.88),
}
"""Tokens a forward that there are at least: where each step is read at once, and where the next is launched before."""


@pytest.mark.parametrize("answer", answers(), ids=lambda answer: answer.kind)
def test_tokens_a_forward(answer: Answer) -> None:
    tokenizer = qwen.tokenizer()
    tokens = TokenTexts(tokenizer).ids(answer.text)
    for ahead, bound in zip((False, True), RATES[answer.kind], strict=True):
        assert replay(answer_draft(tokenizer, answer), tokens, ahead=ahead).rate >= bound


class _Script:
    """Guesses what it is told, and keeps what it follows."""

    def __init__(self, guesses: dict[int, list[int]]) -> None:
        self.followed: list[int] = []
        self._guesses = guesses

    def follow(self, tokens: list[int]) -> None:
        self.followed += tokens

    def guess(self, unread: int = 0) -> list[int]:
        return self._guesses.get(len(self.followed) + unread, [])


@pytest.mark.parametrize(
    ("guesses", "ahead", "counted"),
    [
        ({}, False, Replay(6, 6, 0, 0, 0)),
        ({}, True, Replay(6, 6, 0, 0, 0)),
        ({1: [11, 12, 9]}, False, Replay(6, 4, 3, 2, 1)),
        ({1: [11, 12, 9]}, True, Replay(6, 4, 3, 2, 1)),
        ({0: [10, 11, 12, 13, 14, 15, 16]}, False, Replay(6, 1, 7, 6, 1)),
        ({3: [9, 9]}, True, Replay(6, 6, 2, 0, 1)),
    ],
)
def test_replays_count_as_the_runner_accepts(guesses: dict[int, list[int]], ahead: bool, counted: Replay) -> None:
    draft = _Script(guesses)
    assert replay(draft, list(range(10, 16)), ahead=ahead) == counted
    assert draft.followed == list(range(10, 16))[: len(draft.followed)]
