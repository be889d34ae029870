"""Loops are cut in every script, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.loops import without_loop
from server.transcript.word_breaks import cut_words
from tests.server.transcript.answers import examples


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("we met in April in April in April in April in", "we met in April"),
        ("and " + "no " * 9, "and no"),
        ("thank you " * 4, "thank you"),
        ("one two three. " * 4 + "and more", "one two three."),
        ("a b c d e " * 4, "a b c d e"),
        ("谢谢" * 10, "谢谢"),
        ("我们来看我不知道我不知道我不知道我不知道我不知道", "我们来看我不知道"),
        ("我们去公园走走吧，" * 5, "我们去公园走走吧，"),
        ("はい、それは" + "そうですね、" * 9, "はい、それはそうですね、"),
        ("ありがとうございました。" * 6, "ありがとうございました。"),
        ("ขอบคุณครับ" * 6, "ขอบคุณครับ"),
        ("ผมคิดว่า" + "ไม่เป็นไร" * 6, "ผมคิดว่าไม่เป็นไร"),
        ("我用 GPT " * 5, "我用 GPT"),
    ],
)
def test_what_is_written_over_and_over_is_kept_once(text: str, kept: str) -> None:
    assert without_loop(text.strip()) == kept


@pytest.mark.parametrize(
    "text",
    [
        "no no no no, no no no no",
        "no " * 7,
        "thank you thank you thank you and thank you",
        "thank you, " * 3,
        "a b c d e f " * 6,
        "对对对对对对对。",
        "不是不是不是。",
        "はい、はい、はい、はい。",
        "ครับ ครับ ครับ ครับ ครับ",
        "ใช่ใช่ใช่ครับ",
        "  spaces   stay  ",
        "",
    ],
)
def test_people_do_say_things_again(text: str) -> None:
    assert without_loop(text) == text


SPOKEN = ["no", "yes", "well,", "你好", "谢谢", "はい、", "ครับ", "(", "a."]
phrases = st.lists(st.sampled_from(SPOKEN), min_size=1, max_size=5)
sides = st.lists(st.sampled_from(["one", "two", "three", "four", "five", "six"]), max_size=6, unique=True)


@given(sides, phrases, st.integers(1, 20))
@examples(100)
def test_it_cuts_what_a_slow_look_at_every_place_finds(before: list[str], phrase: list[str], times: int) -> None:
    text = " ".join([*before, *phrase * times])
    words = [word for _, word in cut_words(text)]
    assert [word for _, word in cut_words(without_loop(text))] == slowly(words)


def slowly(words: list[str]) -> list[str]:
    for start in range(len(words)):
        for length in range(1, 6):
            times = max(4, 8 // length)
            if words[start : start + times * length] == words[start : start + length] * times:
                return words[: start + length]
    return words


@given(st.text(st.sampled_from("ab c。好はー・ทิ่ក\u200b( "), max_size=60))
@examples(100)
def test_a_text_is_kept_or_cut_behind_a_word_and_cut_once(text: str) -> None:
    kept = without_loop(text)
    assert kept == text or " ".join(text.split()).startswith(kept)
    assert without_loop(kept) == kept


@given(st.lists(st.text("abcdef", min_size=1, max_size=3), max_size=40, unique=True).map(" ".join))
@examples(50)
def test_words_that_are_all_different_stay(text: str) -> None:
    assert without_loop(text) is text


def test_work_grows_with_the_length_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in comparisons of words, not in seconds."""

    class Word(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Word.compared += 1
            return str.__eq__(self, other)

    words = [("", Word(f"w{number}")) for number in range(1000)]
    monkeypatch.setattr("server.transcript.loops.cut_words", lambda _: words)
    without_loop("long")
    assert Word.compared <= 5 * len(words)
