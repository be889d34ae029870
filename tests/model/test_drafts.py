"""What a template draft foresees of an answer, and that it is quiet where nothing can be foreseen."""

from __future__ import annotations

import pytest

from model.checkpoint import Checkpoint
from model.drafts import TemplateDraft, TokenTexts

ANSWER = (
    '[{"Start":0.25,"End":2.31,"Speaker":0,"Content":"The red train leaves at seven."},'
    '{"Start":2.31,"End":4.02,"Speaker":1,"Content":"Who said \\"now\\"?"},'
    '{"Start":4.02,"End":9.50,"Content":"[Silence]"},'
    '{"Start":9.50,"End":12,"Speaker":1,"Content":"On monday, at 10,"},'
    '{"Start":12,"End":13.5,"Speaker":1,"Content":"End."}]'
)


@pytest.fixture(scope="module")
def texts(checkpoint: Checkpoint) -> TokenTexts:
    return TokenTexts(checkpoint.processor.tokenizer)


def test_guesses_save_forwards_on_a_typical_answer(texts: TokenTexts) -> None:
    draft = TemplateDraft(texts)
    draft.follow(texts.ids("assistant\n"))
    tokens, place, forwards = texts.ids(ANSWER), 0, 0
    while place < len(tokens):
        guess = draft.guess()
        right = 0
        while right < len(guess) and place + right < len(tokens) and guess[right] == tokens[place + right]:
            right += 1
        draft.follow(tokens[place : place + right + 1])
        place += right + 1
        forwards += 1
    assert len(tokens) / forwards > 1.8


@pytest.mark.parametrize(
    ("written", "guessed"),
    [
        ("assistant\n", '[{"Start":'),
        ('[{"Start":0.25,"End":2.31,"Speaker":1,"Content":"Yes."},{"', 'Start":2.31,"End":'),
        ('[{"Start":0.25', ',"End":'),
        ('[{"Start":0,"', 'End":'),
        ('[{"Start":0.25,"End":2.31', ',"Speaker":0,"Content":"'),
        ('[{"Start":0,"End":2,"', 'Speaker":0,"Content":"'),
        ('[{"Start":0,"End":2,"Speaker":3,"', 'Content":"'),
        ('[{"Start":0,"End":2,"Speaker":3,"Content":"x"},{"Start":2,"End":3,"', 'Speaker":3,"Content":"'),
        ('[{"Start":0,"End":2.5,"Speaker":3,"Content":"The red', ""),
        ('[{"Start":0,"End":2.5,"Speaker":3,"Content":"He said \\"no,"', ""),
        ("", ""),
    ],
)
def test_guess_behind_a_prefix(texts: TokenTexts, checkpoint: Checkpoint, written: str, guessed: str) -> None:
    draft = TemplateDraft(texts)
    for token in texts.ids(written):
        draft.follow([token])
    assert checkpoint.processor.tokenizer.decode(draft.guess()) == guessed
