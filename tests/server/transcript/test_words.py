from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.segments import Segment
from server.transcript.word_breaks import characters, cut_words, lead_between, letters
from server.transcript.words import ends_sentence, joined, segment_words
from tests.server.transcript.answers import examples


def test_words_share_the_time_by_their_letters() -> None:
    words = segment_words(Segment(0, 10.0, 20.0, 1, "I am, therefore"))
    assert [(word.word, word.speaker) for word in words] == [("I", 1), ("am,", 1), ("therefore", 1)]
    assert [word.start for word in words] == pytest.approx([10.0, 10 + 10 / 12, 12.5])
    assert words[2].end == 20.0
    assert joined(words[1:]) == "am, therefore"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello,  you\nthere - now", ["Hello,", "you", "there -", "now"]),
        ("- Bonjour ! Il dit « oui »", ["- Bonjour !", "Il", "dit", "« oui »"]),
        ("¿Qué? (nada)", ["¿Qué?", "(nada)"]),
        ("你好，世界。", ["你好，", "世界。"]),
        ("他说：“好的”（笑）", ["他", "说：", "“好的”", "（笑）"]),
        ("彼は「はい」と", ["彼", "は", "「はい」", "と"]),
        ("ジョン・スミスのコーヒー", ["ジョン・", "スミス", "の", "コーヒー"]),
        ("我用 GPT-4 写，GPT！好", ["我", "用", "GPT-4", "写，", "GPT！", "好"]),
        ("안녕하세요 여러분", ["안녕하세요", "여러분"]),
        ("ที่นี่ดีมากครับ", ["ที่", "นี่", "ดี", "มาก", "ครับ"]),
        ("ນີ້ແມ່ນພາສາລາວ", ["ນີ້ແມ່ນ", "ພາສາ", "ລາວ"]),
        ("នេះជាភាសាខ្មែរ។", ["នេះ", "ជា", "ភាសាខ្មែរ។"]),
        ("ဒါကမြန်မာစာပါ။", ["ဒါ", "က", "မြန်မာ", "စာ", "ပါ။"]),
        ("ภาษา\u200bไทย", ["ภาษา\u200b", "ไทย"]),
        ("मुझे हिन्दी नहीं आती।", ["मुझे", "हिन्दी", "नहीं", "आती।"]),
        ("நான் வீட்டில் இருக்கிறேன்", ["நான்", "வீட்டில்", "இருக்கிறேன்"]),
        ("كَتَبَ \u200fالدرس؟", ["كَتَبَ", "\u200fالدرس؟"]),
        ("\u202bשָׁלוֹם\u202c \u2066 \u2069 עולם", ["\u202bשָׁלוֹם\u202c \u2066 \u2069", "עולם"]),
        ("👨\u200d👩\u200d👧\u200d👦 und 🇩🇪 好👍🏽", ["👨\u200d👩\u200d👧\u200d👦", "und", "🇩🇪", "好", "👍🏽"]),
        ("𠮷野家で a𠀀\ud800", ["𠮷", "野家", "で", "a", "𠀀", "\ud800"]),
        ("a ( ) b", ["a", "( ) b"]),
        ("a \u200d b", ["a \u200d", "b"]),
        ("...", ["..."]),
        ("「 」", ["「 」"]),
    ],
)
def test_scripts(text: str, words: list[str]) -> None:
    assert [word for _, word in cut_words(text)] == words


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("「はい」", ["「は", "い」"]),
        ("ภาษา", ["ภ", "า", "ษ", "า"]),
        ("ที่", ["ที่"]),
        ("ខ្មែរ។", ["ខ្មែ", "រ។"]),
        ("हिन्दी", ["हिन्दी"]),
        ("GPT-4", ["GPT-4"]),
        ("「」", ["「」"]),
    ],
)
def test_words_of_unspaced_scripts_have_characters(word: str, parts: list[str]) -> None:
    assert characters(word) == parts


@pytest.mark.parametrize(
    ("before", "after", "lead"),
    [
        ("你", "好", ""),
        ("今天，", "「很好", ""),
        ("Hello", ", you", ""),
        ("Hello", "there", " "),
        ("Hello", "(you)", " "),
        ("Hello", "¿you?", " "),
        ("我用", "GPT", " "),
        ("안녕", "여러분", " "),
        ("हिन्दी", "नहीं", " "),
    ],
)
def test_leads_between_parts_of_a_text(before: str, after: str, lead: str) -> None:
    assert lead_between(before, after) == lead


def test_vowel_signs_and_invisible_marks_take_no_time() -> None:
    for text in ("नीं नन", "ที่ ทท", "\u200f\u2067ab\u2069 cd"):
        words = segment_words(Segment(0, 0.0, 3.0, 0, text))
        lengths = [word.end - word.start for word in words]
        letters = [1, 2] if text[0] != "\u200f" else [2, 2]
        assert lengths == pytest.approx([3.0 * count / sum(letters) for count in letters])


def test_characters_share_the_time_of_their_word() -> None:
    (word,) = segment_words(Segment(0, 1.0, 4.0, 0, "「世界」"))
    assert [(part.word, part.start, part.end, part.lead) for part in word.characters] == [
        ("「世", 1.0, 2.5, ""),
        ("界」", 2.5, 4.0, ""),
    ]


@pytest.mark.parametrize(
    ("word", "length"),
    [("you!", 3), ("你好", 6), ("はい", 4), ("コーヒー", 8), ("안녕", 4), ("ที่", 1), ("...", 1), ("é2", 2)],
)
def test_how_long_a_word_takes(word: str, length: int) -> None:
    assert letters(word) == length


def test_one_han_character_takes_as_long_as_a_short_word() -> None:
    first, second = segment_words(Segment(0, 0.0, 2.0, 0, "the 好"))
    assert first.end - first.start == pytest.approx(second.end - second.start)


_scripts = st.sampled_from(list("aé好は。「」“”-ー・ทิ่ानខ្ម၊ရ👍 \u200d\u200b\u200f\u202b\u0301\ufe0f(𠀀"))


@given(
    (st.text(st.characters(), min_size=1) | st.text(_scripts, min_size=1)).map(str.strip).filter(bool),
    st.floats(0, 1e4),
    st.floats(0, 1e4),
)
@examples(100)
def test_words_fill_their_segment_in_order(text: str, start: float, length: float) -> None:
    segment = Segment(0, start, start + length, None, text)
    words = segment_words(segment)
    assert joined(words) == " ".join(text.split())
    assert (words[0].start, words[-1].end) == (segment.start, segment.end)
    assert all(word.start <= word.end for word in words)
    assert all(one.end == two.start for one, two in itertools.pairwise(words))
    for word in words:
        parts = word.characters
        assert joined(parts) == word.word
        assert (parts[0].start, parts[-1].end, parts[0].lead) == (word.start, word.end, word.lead)


@given(st.text(_scripts, min_size=1))
@examples(100)
def test_only_a_text_without_words_has_one_of_punctuation(text: str) -> None:
    words = [word for _, word in cut_words(text)]
    assert len(words) <= 1 or all(any(letter.isalnum() or letter == "👍" for letter in word) for word in words)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("It is green.", True),
        ("Is it?", True),
        ("He said: “Go!”", True),
        ("(It is green.) ", True),
        ("好的。", True),
        ("क्या?", True),
        ("ठीक है।", True),
        ("It is", False),
        ("It is,", False),
        ("It is...", False),
        ("It is…", False),
        ("“It is”", False),
        ("", False),
        ("”", False),
    ],
)
def test_a_sentence_that_is_whole(text: str, ends: bool) -> None:
    assert ends_sentence(text) is ends
