"""Text that is put into an answer is cut into tokens as the model would have written it."""

from __future__ import annotations

import pytest

from server.hearing.joining import bridged
from tests.support.author import Author

GAP = '"},{"Start":5.0,"End":6.5,"Content":"[Unintelligible Speech]"},{"Start":6.5,"End":'
CONTENTS = [
    "Hello there.",
    "Yes",
    "Really?!",
    "Well,",
    "(laughs)",
    "你好。",
    "はい」",
    "👍🏽",
    "كيف حالكم؟",
    "a }",
    "no...",
]


@pytest.mark.parametrize("content", CONTENTS)
def test_the_join_is_the_models_own(author: Author, content: str) -> None:
    """Where a full stop and the quote behind it are one token, and a number may be one with what is before it."""
    said = f'[{{"Start":1,"End":5,"Speaker":0,"Content":"{content}'
    tokens = author.vocabulary.ids(said)
    bridge = bridged(author.vocabulary, tokens, GAP)
    assert bridge.text == GAP[: len(bridge.text)]
    assert bridge.text.endswith('"End":')
    for number in ("7", "12.25"):
        whole = author.vocabulary.ids(f"{said}{GAP}{number}")
        assert list(bridge.tokens) == whole[: len(bridge.tokens)]


def test_behind_nothing_and_behind_half_a_character(author: Author) -> None:
    vocabulary = author.vocabulary
    assert bridged(vocabulary, [], "[" + GAP[3:]).text == "[" + GAP[3:]
    half = [*vocabulary.ids("[x"), vocabulary.ids("👍🏽")[0]]
    assert bridged(vocabulary, half, GAP).tokens[: len(half)] == tuple(half)
