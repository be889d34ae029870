"""What drafts foresee of an answer, and that they are quiet where nothing can be foreseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.drafts.answer_draft import AnswerDraft
from model.drafts.phrases import PhraseDraft, Phrases, context_phrases
from model.drafts.token_texts import TokenTexts
from model.family import VIBEVOICE_ASR
from model.loading.checkpoint import Checkpoint
from tests.support import qwen

GRAMMAR = VIBEVOICE_ASR.grammar
ANSWER = (
    '[{"Start":0.25,"End":2.31,"Speaker":0,"Content":"The red train leaves at seven."},'
    '{"Start":2.31,"End":4.02,"Speaker":1,"Content":"Who said \\"now\\"?"},'
    '{"Start":4.02,"End":9.50,"Content":"[Silence]"},'
    '{"Start":9.50,"End":12,"Speaker":1,"Content":"On monday, at 10,"},'
    '{"Start":12,"End":13.5,"Speaker":1,"Content":"End."}]'
)
YES = '[{"Start":0.25,"End":2.31,"Speaker":1,"Content":"Yes.'


@pytest.fixture(scope="module")
def texts(checkpoint: Checkpoint) -> TokenTexts:
    return TokenTexts(checkpoint.processor.tokenizer)


@pytest.fixture(scope="module")
def real() -> TokenTexts:
    """Of the real checkpoint's vocabulary."""
    return TokenTexts(qwen.tokenizer())


def test_guesses_save_forwards_on_a_typical_answer(texts: TokenTexts) -> None:
    draft = AnswerDraft(texts, GRAMMAR.outline(), Phrases())
    draft.follow(texts.ids(GRAMMAR.header))
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


WRITTEN_AND_GUESSED = [
    ("assistant\n", '[{"Start":0,"End":0.'),
    (YES + '"},{"', 'Start":2.31,"End":4.'),
    ('[{"Start":0.25', ',"End":0.'),
    ('[{"Start":0,"', 'End":0.'),
    ('[{"Start":0.25,"End":2.31', ',"Speaker":0,"Content":"'),
    ('[{"Start":0,"End":2,"', 'Speaker":0,"Content":"'),
    ('[{"Start":0,"End":2,"Speaker":3,"', 'Content":"'),
    ('[{"Start":0,"End":2,"Speaker":3,"Content":"x"},{"Start":2,"End":3,"', 'Speaker":3,"Content":"'),
    ('[{"Start":0,"End":2.5,"Content":"[Silence]"},{"Start":2.5,"End":3.25', ',"Content":"'),
    ('[{"Start":0,"End":2.5,"Content":"[Silence]"},{"Start":2.5,"End":3.25,"S', 'peaker":0,"Content":"'),
    ('[{"Start":0,"End":2.5,"Speaker":3,"Content":"He said \\"no,\\""', '},{"Start":2.5,"End":5.'),
    ('[{"Start":0,"End":9.5,"Speaker":3,"Content":"x"},{"Start":9', '.5,"End":19.'),
    ('[{"Start":0,"End":9.5,"Speaker":3,"Content":"x"},{"Start":10', "."),
    ('[{"Start":0,"End":9.5,"Speaker":3,"Content":"x"},{"Start":9.5,"End":1', "9."),
    ('[{"Start":0,"End":9.5,"Speaker":3,"Content":"x"},{"Start":9.5,"End":2', "0."),
    ('[{"Start":0,"End":9.5,"Speaker":3,"Content":"x"},{"Start":9.5,"End":12.', ""),
    ('[{"Start":0,"End":2.5,"Speaker":3,"Content":"The red', ""),
    ('[{"Start":0,"End":2.5,"Speaker":3,"Content":"He said \\"no,\\"', ""),
    ('[{"Start":.', ""),
    ("<|im_start|>", ""),
    ("", ""),
]


@pytest.mark.parametrize(("written", "guessed"), WRITTEN_AND_GUESSED)
def test_guess_behind_a_prefix(texts: TokenTexts, checkpoint: Checkpoint, written: str, guessed: str) -> None:
    draft = AnswerDraft(texts, GRAMMAR.outline(), Phrases())
    for token in texts.ids(written):
        draft.follow([token])
    assert checkpoint.processor.tokenizer.decode(draft.guess()) == guessed


@pytest.mark.parametrize(("written", "guessed"), WRITTEN_AND_GUESSED)
def test_guesses_have_the_tokens_that_the_whole_text_has(real: TokenTexts, written: str, guessed: str) -> None:
    draft = AnswerDraft(real, GRAMMAR.outline(), Phrases())
    before = real.ids(written)
    draft.follow(before)
    if before == real.ids(written + guessed)[: len(before)]:  # else no answer is cut there
        assert [*before, *draft.guess()] == real.ids(written + guessed)


@pytest.mark.parametrize("ending", [".", "?", "!", '\\"!', "...", " now", "。", "]"])
def test_the_end_of_a_content_is_followed_by_the_next_segment(real: TokenTexts, ending: str) -> None:
    """Full stops and the closing quote are one token of the real vocabulary, which the brace behind it is not in."""
    written = f'[{{"Start":0,"End":2.5,"Speaker":3,"Content":"So{ending}"'
    tokens = real.ids(written + '},{"Start":2.5,"End":5.')
    draft, reached = AnswerDraft(real, GRAMMAR.outline(), Phrases()), 0
    while reached < len(written):
        reached += len(real.text(tokens[0]))
        draft.follow([tokens.pop(0)])
    assert draft.guess() == tokens


def test_full_stops_that_end_contents_end_the_next_one(real: TokenTexts) -> None:
    draft = AnswerDraft(real, GRAMMAR.outline(), Phrases())
    for start in (0, 1, 2):
        draft.follow(real.ids(f'{"" if start else "["}{{"Start":{start},"End":{start + 1},"Speaker":0,"Content":"好'))
        draft.follow(real.ids("。"))
        guess = draft.guess()
        draft.follow(real.ids('"},'))
    assert "".join(map(real.text, guess)) == '"},{"Start":3,"End":4.'


def test_speakers_follow_each_other_as_before() -> None:
    outline = GRAMMAR.outline()
    outline.follow("[")
    guesses = []
    for place, speaker in enumerate([0, 1, 0, 1, 1, 2, 0, 1, 1, 2]):
        outline.follow(f'{{"Start":{place},"End":{place + 1}.25,"Speaker":')
        guesses.append(outline.foreseen()[0])
        outline.follow(f'{speaker},"Content":"x"}},')
    assert guesses[3] == "1"
    assert guesses[-3:] == ["1", "1", "2"]


def test_any_digit_stands_for_one_that_is_not_read() -> None:
    outline = GRAMMAR.outline()
    outline.follow('[{"Start":0.25,"End":2.3')
    assert outline.foreseen() == ""
    assert outline.foreseen(unread=True)[1:] == ',"Speaker":0,"Content":"'


def test_hotwords_are_spelled_as_the_prompt_has_them(real: TokenTexts) -> None:
    known = context_phrases(real, "Hotwords: Wasserstein distance, Anneliese Vogt;知识蒸馏")
    for before, hotword in ((" with", " Wasserstein"), (" with", " Anneliese"), ("知道", "知识蒸馏")):
        draft = PhraseDraft(real.text, known)
        tokens, begun = real.ids(before + hotword), len(real.ids(before)) + 1
        for token in tokens[:begun]:
            draft.follow(token)
        assert draft.guess()
        assert draft.guess() == tokens[begun:][: len(draft.guess())]


def test_words_said_before_are_foreseen_and_phrases_once_they_come_true(real: TokenTexts) -> None:
    draft = PhraseDraft(real.text, Phrases())
    phrase = real.ids(" the Kantorovich problem is a linear program and")
    for token in phrase:
        draft.follow(token)
    name = real.ids(" the Kantorovich")
    draft.pause()
    for token in name[:2]:
        draft.follow(token)
    assert draft.guess()[: len(name) - 2] == name[2:], "a word goes on as it did"
    for _ in range(4):
        draft.pause()
        for token in phrase:
            draft.follow(token)
    draft.pause()
    for token in phrase[:-3]:
        draft.follow(token)
    assert draft.guess() == phrase[-3:], "a phrase that came true does so again"


def test_guesses_that_do_not_come_true_are_given_up(real: TokenTexts) -> None:
    draft = PhraseDraft(real.text, Phrases())
    (begun,) = real.ids(" in")
    guesses = 0
    endings = [token for token in range(1000, 4000) if real.text(token).isalpha() and real.text(token).islower()]
    for ending in endings[:40]:
        draft.follow(begun)
        guesses += bool(draft.guess())
        draft.follow(ending)
        draft.pause()
    assert 0 < guesses < 8


pieces = ['[{"Start":', '"},{"Start":', ',"End":', ',"Speaker":', ',"Content":"', *'0123456789.,"\\{}[]x。-']


@given(st.lists(st.sampled_from(pieces) | st.text(max_size=3)))
def test_whatever_is_written_is_followed(parts: list[str]) -> None:
    outline = GRAMMAR.outline()
    for part in parts:
        outline.follow(part)
        outline.foreseen()
        outline.foreseen(unread=True)
