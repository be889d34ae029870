"""What an answer goes on from is written in the tokens that the model would have used, in any script."""

from __future__ import annotations

import pytest

from model.family import VIBEVOICE_ASR
from server.conversations.conversations import continued
from server.transcript.detokenizer import Vocabulary
from tests.support.snapshot import snapshot
from tests.support.speaking_runner import CHECKPOINT

GRAMMAR = VIBEVOICE_ASR.grammar
SAID = [
    "Yes.",
    "Really?",
    "(no)",
    "今天我们先看上周的报告。",
    "नमस्ते दुनिया",
    "مرحبا بالعالم!",
    "ไทยไม่มีวรรค",
    '"he said"',
    "👍🏽",
    "3.5",
]
ANSWER = GRAMMAR.opening(GRAMMAR.segment(n, n + 0.5, n % 2, text) for n, text in enumerate(SAID)) + "]"
ENDS = [place + 2 for place in range(len(ANSWER)) if ANSWER[place : place + 2] == "},"]


@pytest.fixture(scope="module", params=[snapshot(), CHECKPOINT], ids=["real", "twin's"])
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return Vocabulary.load(request.param)


@pytest.mark.parametrize("end", [1, *ENDS])
def test_behind_a_whole_segment_the_next_one_begins_as_the_model_writes_it(vocabulary: Vocabulary, end: int) -> None:
    forced, tokens = continued(ANSWER[:end], GRAMMAR, vocabulary)
    assert ANSWER[:end] + forced == ANSWER[: end + len(forced)]
    assert tokens == tuple(vocabulary.ids(ANSWER))[: len(tokens)]


def test_any_other_beginning_is_gone_on_from_as_it_is(vocabulary: Vocabulary) -> None:
    for end in set(range(2, len(ANSWER))) - set(ENDS):
        forced, tokens = continued(ANSWER[:end], GRAMMAR, vocabulary)
        assert (forced, vocabulary.text(tokens)) == ("", ANSWER[:end])
