"""Answers, read behind the segments that were forced."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from model.family import VIBEVOICE_ASR
from server.transcript.detokenizer import Detokenizer
from server.transcript.words import segment_words
from server.windows.reading import read
from tests.support.author import Author

GRAMMAR = VIBEVOICE_ASR.grammar

CONTENTS = [
    "Hello there.", "Yes", "Really?", "No!", "Well,", "Wait...", "(laughs)", "and/or", "a}", "[Laughter] {x}",
    'He said "no"', 'He said "no".', "back\\", "你好。", "はい」", "नमस्ते", "ที่", "كيف حالكم؟", "👍🏽", "שלום\u200f",
]  # fmt: skip


@pytest.mark.parametrize("content", CONTENTS)
def test_an_answer_is_read_behind_the_forced_segment(author: Author, content: str) -> None:
    segments = [
        GRAMMAR.segment(0.0, 1.5, 2, content),
        GRAMMAR.segment(1.6, 2.5, 0, "Yes."),
        GRAMMAR.segment(2.5, 4, None, "[Silence]"),
    ]
    whole, prefix = GRAMMAR.opening(segments), GRAMMAR.opening(segments[:1])
    reading = read(author.whole_answer(whole + "]", prefix=prefix), author.vocabulary, seconds=10)
    assert [(s.start, s.end, s.speaker, s.text) for s in reading.segments] == [(1.6, 2.5, 0, "Yes.")]
    assert [one.source for one in reading.written] == segments[1:]
    ended = read(author.whole_answer(prefix + "]", prefix=prefix), author.vocabulary, seconds=10)
    assert (ended.segments, ended.written) == ((), ())
    cut = read(author.whole_answer(whole[:-4], prefix=prefix, cut=True), author.vocabulary, seconds=10)
    assert cut.segments == reading.segments


@pytest.mark.parametrize(
    ("content", "grown", "added"),
    [
        ("Hello", "Hello, my friend.", "my friend."),
        ("你好。", "你好。我们开始吧。", "我们开始吧。"),
        ("[Unintelligible Speech]", "[Unintelligible Speech] you know", "you know"),
        ("Yes", "Yes!", None),
    ],
)
def test_what_the_model_adds_to_a_forced_segment_is_not_lost(
    author: Author, content: str, grown: str, added: str | None
) -> None:
    prefix, then = GRAMMAR.opening([GRAMMAR.segment(0.0, 1.5, 2, content)]), GRAMMAR.segment(2, 3, 1, "Then.")
    answer = GRAMMAR.opening([GRAMMAR.segment(0.0, 1.5, 2, grown), then]) + "]"
    reading = read(author.whole_answer(answer, prefix=prefix), author.vocabulary, seconds=10)
    behind = [] if added is None else [(1.5, 2, added)]
    assert [(s.start, s.speaker, s.text) for s in reading.segments] == [*behind, (2.0, 1, "Then.")]
    assert [one.source for one in reading.written] == [then]


def test_segments_have_their_tokens_where_they_are_wanted(author: Author) -> None:
    """Joined, the tokens are the text: without JSON around it, and also where forced text goes on."""
    contents = [content for content in CONTENTS if content.isprintable() and not set('"\\') & set(content)]
    segments = [GRAMMAR.segment(place, place + 1, 0, content) for place, content in enumerate(contents)]
    answer = author.whole_answer(GRAMMAR.opening(segments) + "]", prefix=GRAMMAR.opening(segments[:1]))
    plain = read(answer, author.vocabulary, seconds=100)
    assert {segment.logprobs for segment in plain.segments} == {None}
    reading = read(answer, author.vocabulary, seconds=100, logprobs=True)
    assert [segment.text for segment in reading.segments] == contents[1:]
    for segment in reading.segments:
        assert segment.logprobs is not None
        spelled = bytes(byte for token in segment.logprobs.tokens for byte in token.bytes)
        assert spelled.decode() == segment.text
        assert {token.logprob for token in segment.logprobs.tokens} == {-0.1}
    assert [replace(segment, logprobs=None) for segment in reading.segments] == list(plain.segments)


def test_what_is_added_to_a_forced_segment_has_its_tokens(author: Author) -> None:
    prefix = GRAMMAR.opening([GRAMMAR.segment(0.0, 1.5, 2, "Hello")])
    answer = GRAMMAR.opening([GRAMMAR.segment(0.0, 1.5, 2, "Hello, my friend.")]) + "]"
    [added] = read(author.whole_answer(answer, prefix=prefix), author.vocabulary, seconds=10, logprobs=True).segments
    assert added.text == "my friend."
    assert added.logprobs is not None
    assert "".join(token.token for token in added.logprobs.tokens).lstrip() == added.text
    assert added.logprobs.ends[-1] == len("myfriend.")


def test_words_that_are_added_to_a_forced_segment_have_their_own_probability(author: Author) -> None:
    prefix = GRAMMAR.opening([GRAMMAR.segment(0.0, 1.5, 2, "Hello")])
    answer = author.whole_answer(
        GRAMMAR.opening([GRAMMAR.segment(0.0, 1.5, 2, "Hello, my friend.")]) + "]", prefix=prefix
    )
    spelled = list(map(author.vocabulary.bytes_of, answer.tokens))
    unsure = next(n for n, text in enumerate(spelled) if text.strip() == b"my")
    answer = replace(answer, logprobs=tuple(-2.0 * (n == unsure) for n in range(len(spelled))))
    [added] = read(answer, author.vocabulary, seconds=10).segments
    assert [(word.word, word.logprob) for word in segment_words(added)] == [("my", -2.0), ("friend.", 0.0)]


def test_a_segment_that_is_written_twice_is_kept_once(author: Author) -> None:
    twice = [
        GRAMMAR.segment(1, 3, 0, "Philip has every house."),
        GRAMMAR.segment(3.6, 3.0, 0, "Philip has every house."),
    ]
    for forced in (0, 1):
        answer = author.whole_answer(GRAMMAR.opening(twice) + "]", prefix=GRAMMAR.opening(twice[:forced]))
        assert [s.start for s in read(answer, author.vocabulary, seconds=10).segments] == [1.0][forced:]
    said_again = GRAMMAR.opening([GRAMMAR.segment(1, 3, 0, "No, no."), GRAMMAR.segment(4, 5.5, 0, "No, no.")])
    assert len(read(author.whole_answer(said_again + "]"), author.vocabulary, seconds=10).segments) == 2


def test_an_answer_that_is_cut_where_it_was_forced_says_nothing(author: Author) -> None:
    for segments in (
        [GRAMMAR.segment(0, 1.5, 2, "Hello there.")],
        [GRAMMAR.segment(0, 1, 0, "No."), GRAMMAR.segment(1, 2, 1, "Yes")],
    ):
        prefix = GRAMMAR.opening(segments)
        forced = author.prompt.text(author.forced(prefix))
        reading = read(author.whole_answer(forced, prefix=prefix, cut=True), author.vocabulary, seconds=10)
        assert (reading.segments, reading.written) == ((), ())


def test_a_cut_answer_loses_the_segment_that_ran_in_circles(author: Author) -> None:
    text = f"[{GRAMMAR.segment(0, 1, 0, 'Yes.')},{GRAMMAR.segment(1, 2, 1, 'no no')}"[:-4]
    reading = read(author.whole_answer(text, cut=True), author.vocabulary, seconds=10)
    assert [segment.text for segment in reading.segments] == ["Yes."]


def test_tags_are_no_speech_but_part_of_what_was_written(author: Author) -> None:
    segments = [GRAMMAR.segment(0, 4, None, "[Silence]"), GRAMMAR.segment(4, 5, 0, 'Braces {in} "quotes".')]
    reading = read(author.whole_answer(GRAMMAR.opening(segments) + "]"), author.vocabulary, seconds=10)
    assert [segment.text for segment in reading.segments] == ['Braces {in} "quotes".']
    assert [one.source for one in reading.written] == segments


def test_a_segment_has_the_log_probabilities_of_its_own_tokens(author: Author) -> None:
    """Forced text has none, and what the model adds to it has those of what it added."""
    yes, then = GRAMMAR.segment(0.0, 1.0, 0, "Yes"), GRAMMAR.segment(1.0, 2.0, 1, "Then it rained.")
    grown = GRAMMAR.segment(0.0, 1.0, 0, "Yes, of course")
    answer = author.whole_answer(f"[{grown},{then}]", prefix=f"[{yes}")
    detokenizer = Detokenizer(author.vocabulary)
    texts = itertools.accumulate(detokenizer.feed(token) for token in answer.tokens)
    answer = replace(answer, logprobs=tuple(-1.0 if "{" not in text else -2.0 for text in texts))
    added, rained = read(answer, author.vocabulary, seconds=10).segments
    assert (added.text, added.avg_logprob) == ("of course", -1.0)
    assert (rained.text, rained.avg_logprob) == ("Then it rained.", -2.0)
