"""Every word has the probability of its own tokens: the real vocabulary's pieces, which are no words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import pytest

from server.transcript.answer_reader import AnswerReader
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed
from server.transcript.segments import Segment
from server.transcript.stitching.units import units_of
from server.transcript.words import segment_words
from tests.real.texts import SENTENCES
from tests.support.author import Author

SPELLINGS = [{"ensure_ascii": False}, {"ensure_ascii": True}]
UNSURE = -5.0


def answered(texts: Sequence[str], *, ensure_ascii: bool = False) -> str:
    turns = [{"Start": n, "End": n + 1, "Speaker": 0, "Content": text} for n, text in enumerate(texts)]
    return json.dumps(turns, ensure_ascii=ensure_ascii, separators=(",", ":"))


def segments(vocabulary: Vocabulary, tokens: Sequence[int], logprobs: Sequence[float]) -> list[Segment]:
    reader = AnswerReader(vocabulary, 1000.0)
    events = [event for one, p in zip(tokens, logprobs, strict=True) for event in reader.feed([one], [p])]
    return [event.segment for event in [*events, *reader.finish()] if isinstance(event, SegmentClosed)]


def word_places(answer: str, told: Sequence[Segment], *, ensure_ascii: bool) -> Iterator[tuple[int, int]]:
    """First byte of each word in the answer, and the one behind its last."""
    at = 0
    for segment in told:
        at = answer.index('"Content":"', at) + len('"Content":"')
        for word in segment_words(segment):
            written = json.dumps(word.word, ensure_ascii=ensure_ascii)[1:-1]
            start = answer.index(written, at)
            at = start + len(written)
            yield len(answer[:start].encode()), len(answer[:at].encode())


@pytest.mark.parametrize("spelling", SPELLINGS, ids=["compact", "escaped"])
@pytest.mark.parametrize("pieces", ["tokens", "bytes", "cut"])
@pytest.mark.parametrize("kind", [kind for kind in SENTENCES if kind != "JSON"])
def test_a_word_is_as_probable_as_the_tokens_that_spell_some_of_it(
    author: Author, kind: str, pieces: str, spelling: dict[str, bool]
) -> None:
    """They are found here by the bytes of the answer; each has a probability of its own."""
    answer = answered([" ".join(SENTENCES[kind])] * 2, **spelling)
    if pieces == "bytes":
        byte = {author.vocabulary.bytes_of(token): token for token in range(256)}
        tokens = [byte[bytes([value])] for value in answer.encode()]
    elif pieces == "cut":  # the same text in other tokens
        cut = len(answer) // 3
        tokens = [token for half in (answer[:cut], answer[cut:]) for token in author.vocabulary.ids(half)]
    else:
        tokens = author.vocabulary.ids(answer)
    logprobs = [-(n % 89) / 100 for n in range(len(tokens))]
    reached = [0, *accumulate(len(author.vocabulary.bytes_of(token)) for token in tokens)]
    told = segments(author.vocabulary, tokens, logprobs)
    assert len(told) == 2
    words = [word for segment in told for word in segment_words(segment)]
    for word, (first, last) in zip(words, word_places(answer, told, **spelling), strict=True):
        own = [p for (begin, end), p in zip(pairwise(reached), logprobs, strict=True) if begin < last and end > first]
        assert word.logprob == pytest.approx(sum(own) / len(own)), word.word


def test_only_the_word_is_doubtful_that_was_hard_to_write(author: Author) -> None:
    answer = answered(["Mr. Xyqzuth meets us.", "Indeed."])
    tokens = author.vocabulary.ids(answer)
    name = {n for n, text in enumerate(map(author.vocabulary.bytes_of, tokens)) if text and text in b" Xyqzuth"}
    assert len(name) > 1, "a word of several pieces, the first of which holds the space"
    first, second = segments(author.vocabulary, tokens, [UNSURE * (n in name) for n in range(len(tokens))])
    told = {word.word: word.logprob for word in segment_words(first)}
    assert told == {"Mr.": 0.0, "Xyqzuth": UNSURE, "meets": 0.0, "us.": 0.0}
    assert first.avg_logprob is not None
    assert UNSURE < first.avg_logprob < 0
    assert [word.logprob for word in segment_words(second)] == [0.0]
    assert {unit.text: unit.segment for unit in units_of([first])}["us."] is first


@pytest.mark.parametrize("form", ["{answer}", "assistant\n{answer}", "{answer} and so on"])
def test_whatever_stands_around_the_segments(author: Author, form: str) -> None:
    tokens = author.vocabulary.ids(form.format(answer=answered(["One two.", "[Music]", "Three [x] four."])))
    unsure = tokens.index(author.vocabulary.ids(" four")[0])
    told = segments(author.vocabulary, tokens, [UNSURE * (n == unsure) for n in range(len(tokens))])
    words = [(word.word, word.logprob) for segment in told if segment.is_speech for word in segment_words(segment)]
    assert words[:-1] == [("One", 0.0), ("two.", 0.0), ("Three", 0.0), ("[x]", 0.0)]
    assert words[-1] == ("four.", UNSURE / 2)


def test_what_was_forced_is_as_probable_as_its_segment(author: Author) -> None:
    """Its tokens are not the model's; a word that is forced in part is not known either."""
    answer = answered(["Yes.", "One twofold word.", "Three four."])
    forced = answer[: answer.index("fold")]
    tokens = author.vocabulary.ids(answer.removeprefix(forced))
    unsure = tokens.index(author.vocabulary.ids(" word")[0])
    reader = AnswerReader(author.vocabulary, 9.0)
    events = [*reader.begin(forced), *reader.feed(tokens, [UNSURE * (n == unsure) for n in range(len(tokens))])]
    first, second, third = (event.segment for event in events if isinstance(event, SegmentClosed))
    assert [word.logprob for word in segment_words(first)] == [None]
    assert [word.logprob for word in segment_words(third)] == [0.0, 0.0]
    mean = second.avg_logprob
    assert mean is not None
    assert {word.word: word.logprob for word in segment_words(second)} == {
        "One": mean,
        "twofold": mean,
        "word.": UNSURE / 2,
    }


def test_a_list_that_begins_again_is_not_told_twice_and_its_tokens_are_nobodys(author: Author) -> None:
    first = answered(["One, two."])
    again = first[:-1] + ',{"Start":2,"End":4,"Speaker":1,"Content":"Three four."}]'
    tokens = author.vocabulary.ids(first + again)
    unsure = tokens.index(author.vocabulary.ids(" four")[0])
    one, three = segments(author.vocabulary, tokens, [UNSURE * (n == unsure) for n in range(len(tokens))])
    assert {word.logprob for word in segment_words(one)} == {0.0}
    assert [word.logprob for word in segment_words(three)] == [0.0, UNSURE / 2]
