"""Committed text never changes, says what the hypotheses agreed on, and in the end all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.live.captions.stability import Stabilizer
from server.live.captions.units import plain
from server.live.vocabulary.events import Hypothesis, LiveEvent, SegmentCommitted, WordsCommitted
from server.transcript.logprobs import TextLogprobs, token_logprob
from server.transcript.segments import Segment
from server.transcript.words import joined, segment_words
from tests.server.transcript.answers import examples
from tests.support.spoken_words import spoken

SETTLE = 1.5


def said(text: str, start: float = 0.0, end: float = 2.0, speaker: int | None = 0) -> Segment:
    return Segment(0, start, end, speaker, text)


def committed(events: list[LiveEvent]) -> list[str]:
    return [event.text for event in events if isinstance(event, WordsCommitted)]


def closed(events: list[LiveEvent]) -> list[tuple[int | None, str]]:
    return [(e.segment.speaker, e.segment.text) for e in events if isinstance(e, SegmentCommitted)]


def hypothesis(events: list[LiveEvent]) -> list[tuple[int, str]]:
    assert isinstance(events[-1], Hypothesis)
    return [(segment.index, segment.text) for segment in events[-1].segments]


def hypothesis_lead(events: list[LiveEvent]) -> str | None:
    assert isinstance(events[-1], Hypothesis)
    return events[-1].lead


def test_nothing_is_committed_on_first_sight() -> None:
    events = Stabilizer(SETTLE).update([said("the train is")], heard=2.0)
    assert committed(events) == []
    assert hypothesis(events) == [(0, "the train is")]


def test_words_two_updates_agree_on_are_committed_but_for_the_last() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("the train is l")], heard=2.0)
    events = stable.update([said("The train, is late", end=3.0)], heard=3.0)
    assert committed(events) == ["The train, is"]
    assert hypothesis(events) == [(0, "late")]
    events = stable.update([said("The train, is late", end=3.0)], heard=3.2)
    assert committed(events) == []
    assert hypothesis(events) == [(0, "late")]


def test_a_segment_that_ended_long_ago_is_closed() -> None:
    stable = Stabilizer(SETTLE)
    segments = [said("it is late"), said("yes it", 2.5, 4.0, speaker=1)]
    stable.update(segments, heard=4.0)
    events = stable.update(segments, heard=4.2)
    assert committed(events) == ["it is late", "yes"]
    assert closed(events) == [(0, "it is late")]
    assert hypothesis(events) == [(1, "it")]


def test_a_final_update_commits_and_closes_everything() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("it is")], heard=2.0)
    events = stable.update([said("it is late"), said("yes", 2.0, 2.4, speaker=1)], heard=2.5, final=True)
    assert closed(events) == [(0, "it is late"), (1, "yes")]
    assert hypothesis(events) == []
    assert stable.open is None


def test_a_hypothesis_that_takes_words_back_is_read_from_where_it_agrees() -> None:
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three four")], heard=2.0)
    events = stable.update([said("one tooth three four five")], heard=3.0, final=True)
    assert committed(events) == ["four five"]
    assert closed(events) == [(0, "one two three four five")]


def test_committed_words_are_found_behind_as_many_others() -> None:
    """As many edits as taking every word for another: of beginnings with equally many the longest counts."""
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three four five six seven")], heard=2.0)
    text = "ah well you know I mean one two three four five six seven"
    events = stable.update([said(text)], heard=3.0, final=True)
    assert committed(events) == ["seven"]
    assert closed(events) == [(0, "one two three four five six seven")]


def test_words_that_vanish_stay_committed() -> None:
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three")], heard=2.0)
    assert closed(stable.update([], heard=9.0, final=True)) == [(0, "one two")]


def test_the_speaker_of_committed_words_stays() -> None:
    stable = Stabilizer(SETTLE)
    for _ in range(2):
        stable.update([said("one two three", speaker=1)], heard=2.0)
    events = stable.update([said("one two three four", speaker=2)], heard=3.0, final=True)
    assert closed(events) == [(1, "one two three four")]


def test_another_speaker_with_the_same_words_is_no_agreement() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("one two three", speaker=1)], heard=2.0)
    assert committed(stable.update([said("one two three", speaker=2)], heard=2.0)) == []


def test_scripts_without_spaces_stay_without() -> None:
    stable = Stabilizer(SETTLE)
    events = stable.update([said("你好,我们")], heard=2.0)
    events += stable.update([said("你好,我们走 now")], heard=2.0)
    events += stable.update([said("你好,我们走 now")], heard=2.0, final=True)
    assert committed(events) == ["你好,我们", "走 now"]
    assert closed(events) == [(0, "你好,我们走 now")]


def test_times_of_committed_words_never_run_backwards() -> None:
    stable = Stabilizer(SETTLE)
    events = []
    for _ in range(2):
        events += stable.update([said("one two three", 1.0, 4.0)], heard=4.0)
    events += stable.update([said("one two three four", 1.0, 2.0)], heard=4.0, final=True)
    words = [word for event in events if isinstance(event, WordsCommitted) for word in event.words]
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)


def test_the_probability_of_a_segment_is_that_which_was_read_last() -> None:
    stable = Stabilizer(SETTLE)
    read: list[float | None] = []
    for text, logprob in (("one two", -0.5), ("one two three", -0.25), ("one two three four", None)):
        events = stable.update([Segment(0, 0.0, 2.0, 0, text, logprob)], heard=2.0)
        committed = (event for event in events if isinstance(event, WordsCommitted))
        read += [logprob for event in committed for logprob in {word.logprob for word in event.words}]
        assert isinstance(events[-1], Hypothesis)
        assert [segment.avg_logprob for segment in events[-1].segments] == [logprob]
    assert read == [-0.25, -0.25], "what is not known says nothing"
    (end,) = (e.segment for e in stable.close() if isinstance(e, SegmentCommitted))
    assert end.avg_logprob == -0.25


def test_words_keep_the_probability_that_they_were_committed_with() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([spoken("one two", -1.0, -2.0)], heard=2.0)
    (first, hypothesis) = stable.update([spoken("one two three", -1.1, -2.2, -3.3)], heard=2.0)
    assert isinstance(first, WordsCommitted)
    assert isinstance(hypothesis, Hypothesis)
    assert [word.logprob for word in first.words] == pytest.approx([-1.1, -2.2])
    assert [word.logprob for word in segment_words(hypothesis.segments[0])] == [-3.3]
    events = stable.update([spoken("One too three 四天", -9.0, -9.0, -3.0, -4.0)], heard=2.0, final=True)
    (second,) = (event for event in events if isinstance(event, WordsCommitted))
    assert [(word.word, word.logprob) for word in second.words] == [("three", -3.0), ("四天", -4.0)]
    (end,) = (event.segment for event in events if isinstance(event, SegmentCommitted))
    assert [word.logprob for word in segment_words(end)] == pytest.approx([-1.1, -2.2, -3.0, -4.0])


texts = st.lists(st.sampled_from(["one", "two", "Two.", "three", "x", "-"]), min_size=1, max_size=6).map(" ".join)
hypotheses = st.lists(st.tuples(texts, st.sampled_from([0, 1, None]), st.floats(0.1, 3)), max_size=4)


@given(st.lists(st.tuples(hypotheses, st.booleans()), max_size=8))
def test_whatever_the_model_says_committed_text_only_grows(
    updates: list[tuple[list[tuple[str, int, float]], bool]],
) -> None:
    stable, heard = Stabilizer(SETTLE), 0.0
    words: dict[int, str] = {}
    ended: list[int] = []
    for segments, final in updates:
        start, told = 0.0, []
        for text, speaker, length in segments:
            told.append(said(text, start, start + length, speaker))
            start += length
        heard += 1.0
        events = stable.update(told, heard, final=final)
        for event in events:
            if isinstance(event, WordsCommitted):
                assert event.words
                assert event.segment not in ended
                assert not ended or event.segment == ended[-1] + 1
                words[event.segment] = words.get(event.segment, "") + event.lead + event.text
            if isinstance(event, SegmentCommitted):
                assert event.segment.text == words[event.segment.index].removeprefix(" ")
                assert event.segment.start <= event.segment.end
                ended.append(event.segment.index)
        assert isinstance(events[-1], Hypothesis)
        if final:
            assert stable.open is None
            assert not events[-1].segments
    assert ended == sorted(ended)


@pytest.mark.parametrize(
    ("one", "other"),
    [("की", "का"), ("हिन्दी", "हिन्द"), ("ไม่", "ไม"), ("ดี", "ดู"), ("நீ", "நா"), ("C++", "C"), ("👍", "👎")],
)
def test_words_that_differ_in_a_sign_are_different(one: str, other: str) -> None:
    assert plain(one) != plain(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The", "the,"),
        ("\u200fשלום\u202c", "שלום"),
        ("می\u200cخواهم", "میخواهم"),
        ("\u2067-\u2069", "-"),
        ("❤\ufe0f", "❤"),
        ("cafe\u0301", "café"),
        ("हिन्दी।", "हिन्दी"),
    ],
)
def test_what_is_not_heard_makes_no_other_word(one: str, other: str) -> None:
    assert plain(one) == plain(other)


def test_a_word_with_another_vowel_sign_is_not_committed() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("यह लड़की आई है अब")], heard=2.0)
    assert committed(stable.update([said("यह लड़का आया है अब तो", end=3.0)], heard=3.0)) == ["यह"]


def test_marks_by_themselves_neither_agree_nor_disagree_and_stay_in_the_text() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([said("\u200fשלום - עולם \u2066 יפה")], heard=2.0)
    events = stable.update([said("שלום \u200f עולם – יפה")], heard=2.0)
    assert committed(events) == ["שלום \u200f עולם –"]


def test_words_are_cut_anew_behind_what_is_committed() -> None:
    stable = Stabilizer(SETTLE)
    events: list[LiveEvent] = []
    for text in ("研究 ok", "研究 ok", "研究生命"):
        events += stable.update([said(text)], heard=2.0)
    assert committed(events) == ["研究"]
    events += stable.update([said("研究生命起源")], heard=2.0, final=True)
    words = [word.word for event in events if isinstance(event, WordsCommitted) for word in event.words]
    assert words == ["研究", "生命", "起源"]
    assert closed(events) == [(0, "研究生命起源")]


def test_a_hypothesis_tells_what_stands_before_it() -> None:
    for text, lead in (("你好世界", ""), ("one two", " "), ("ดี มาก", " ")):
        stable = Stabilizer(SETTLE)
        stable.update([said(text)], heard=2.0)
        assert hypothesis_lead(stable.update([said(text)], heard=2.0)) == lead


GROWING = [
    "北京大学的学生们今天去参观故宫博物院，然后回到学校研究生命起源。",
    "彼は「はい」と言った。東京都に住んでいるジョン・スミスさんはコーヒーを買いました！",
    "ที่นี่ดีมากครับ ผมชอบไปเที่ยวทะเลกับเพื่อนๆ ทุกวันหยุด",
    "នេះជាភាសាខ្មែរ។ ខ្ញុំចូលចិត្តរៀន",
    "ນີ້ແມ່ນພາສາລາວ ຂ້ອຍມັກຮຽນ",
    "ဒါကမြန်မာစာပါ။ ကျွန်တော်စာဖတ်တယ်",
    "我用GPT-4写了一篇“好文章” - 真的（笑），OK？对 👨\u200d👩\u200d👧\u200d👦",
    "안녕하세요 여러분, 오늘 날씨가 좋네요",
    "\u202bשלום\u202c עולם \u200f - יפה",
]


@pytest.mark.parametrize("text", GROWING)
def test_text_that_grows_by_characters_is_committed_once_and_whole(text: str) -> None:
    stable, told = Stabilizer(SETTLE), ""
    early = 0
    for length in range(1, len(text) + 1):
        now = said(text[:length].strip(), end=length * 0.1)
        events = stable.update([now], heard=length * 0.1, final=length == len(text))
        for event in events:
            if isinstance(event, WordsCommitted):
                told += (event.lead if told else "") + event.text
                early += length < len(text)
                assert joined(event.words) == event.text
        assert text.startswith(told)
        assert isinstance(events[-1], Hypothesis)
        shown = told + "".join((events[-1].lead or "") * bool(told) + segment.text for segment in events[-1].segments)
        assert shown == " ".join(text[:length].split())
    assert told == text
    assert early >= 2


@given(st.sampled_from(GROWING), st.lists(st.integers(0, 12), min_size=1, max_size=12))
@examples(60)
def test_text_that_grows_and_shrinks_is_committed_once_and_whole(text: str, steps: list[int]) -> None:
    stable, told, length = Stabilizer(SETTLE), "", 0
    for step in [*steps, len(text)]:
        length = max(1, min(length + step - 3, len(text))) if step < len(text) else len(text)
        length = max(length, len(told) + 1)
        events = stable.update([said(text[:length].strip())], heard=2.0, final=length == len(text))
        told = "".join([told, *(e.lead * bool(told) + e.text for e in events if isinstance(e, WordsCommitted))])
        if length == len(text):
            break
    assert told == text


def scored(text: str, *spelled: str, end: float = 2.0) -> Segment:
    pieces = [(piece, (token_logprob(piece.encode(), -1.0),)) for piece in spelled]
    return replace(said(text, end=end), logprobs=TextLogprobs.of(pieces))


def tokens(events: list[LiveEvent]) -> list[str]:
    return [token.token for event in events if isinstance(event, WordsCommitted) for token in event.logprobs]


def test_words_come_with_the_tokens_that_carry_them() -> None:
    stable = Stabilizer(SETTLE)
    stable.update([scored("the train is l", "the", " tr", "ain", " is", " l")], heard=2.0)
    events = stable.update([scored("The train is late", "The", " tr", "ain", " is", " la", "te", end=3.0)], heard=3.0)
    assert (committed(events), tokens(events)) == (["The train is"], ["The", " tr", "ain", " is"])
    assert isinstance(events[-1], Hypothesis)
    assert events[-1].segments[0].logprobs is None
    events = stable.update([scored("Tha train is later", "Tha", " train", " is", " later")], heard=4.0, final=True)
    assert (committed(events), tokens(events)) == (["later"], [" later"])


def test_a_token_that_goes_on_behind_the_words_comes_with_its_end() -> None:
    """In scripts without spaces tokens and words end elsewhere."""
    stable = Stabilizer(SETTLE)
    stable.update([scored("我们开始吧", "我", "们开", "始吧")], heard=2.0)
    first = stable.update([scored("我们开会吧", "我", "们开", "会吧")], heard=2.0)
    assert (committed(first), tokens(first)) == (["我们"], ["我"])
    rest = stable.update([scored("我们开会吧", "我", "们开", "会吧")], heard=2.0, final=True)
    assert (committed(rest), tokens(rest)) == (["开会吧"], ["们开", "会吧"])
