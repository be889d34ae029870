from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.segments import Segment
from server.transcript.words import segment_words, split_words
from tests.server.transcript.answers import examples


def test_words_share_the_time_by_their_letters() -> None:
    words = segment_words(Segment(0, 10.0, 20.0, 1, "I am, therefore"))
    assert [(word.word, word.speaker) for word in words] == [("I", 1), ("am,", 1), ("therefore", 1)]
    assert [word.start for word in words] == pytest.approx([10.0, 10 + 10 / 12, 12.5])
    assert words[2].end == 20.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello,  you\nthere - now", ["Hello,", "you", "there", "-", "now"]),
        ("你好，世界。", ["你", "好，", "世", "界。"]),
        ("彼は「はい」と", ["彼", "は", "「は", "い」", "と"]),
        ("我用 GPT-4 写", ["我", "用", "GPT-4", "写"]),
        ("안녕하세요 여러분", ["안녕하세요", "여러분"]),
        ("ที่", ["ที่"]),
        ("...", ["..."]),
    ],
)
def test_scripts(text: str, words: list[str]) -> None:
    assert split_words(text) == words


def test_one_han_character_takes_as_long_as_a_short_word() -> None:
    first, second = segment_words(Segment(0, 0.0, 2.0, 0, "the 好"))
    assert first.end - first.start == pytest.approx(second.end - second.start)


@given(
    st.text(st.characters(codec="utf-8"), min_size=1).map(str.strip).filter(bool),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
)
@examples(100)
def test_words_fill_their_segment_in_order(text: str, start: float, length: float) -> None:
    segment = Segment(0, start, start + length, None, text)
    words = segment_words(segment)
    assert "".join(word.word for word in words) == "".join(text.split())
    assert (words[0].start, words[-1].end) == (segment.start, segment.end)
    assert all(word.start <= word.end for word in words)
    assert all(one.end == two.start for one, two in itertools.pairwise(words))
