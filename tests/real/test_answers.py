"""Answers in the real vocabulary become the same transcript wherever they are cut, token or byte."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

import pytest

from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary
from server.transcript.events import SegmentClosed, SpeechDelta, TranscriptEvent
from server.transcript.words import segment_words
from tests.real.texts import SENTENCES
from tests.support.author import Author

NAMED = 151_665
"""Tokens that the tokenizer knows; the model has some rows more, which stand for nothing."""
END_OF_TURN = 151_645
SPELLINGS = [
    {"ensure_ascii": False, "separators": (",", ":")},
    {"ensure_ascii": True, "separators": (",", ":")},
    {"ensure_ascii": False, "indent": 1},
]


@dataclass(frozen=True)
class Told:
    """What a caller gets: all at once in the end, and piece by piece before."""

    text: str
    segments: tuple[tuple[float, float, int | None, str], ...]
    deltas: str
    complete: bool
    notes: tuple[str, ...]


def told(vocabulary: Vocabulary, *parts: list[int]) -> Told:
    assembler = TranscriptAssembler(vocabulary, 1000.0)
    events: list[TranscriptEvent] = []
    for part in parts:
        events += assembler.feed(part, [-0.1] * len(part))
    last, transcript = assembler.finish()
    events += last
    segments = tuple((s.start, s.end, s.speaker, s.text) for s in transcript.segments)
    assert [event.segment for event in events if isinstance(event, SegmentClosed)] == list(transcript.segments)
    deltas = "".join(event.text for event in events if isinstance(event, SpeechDelta))
    return Told(transcript.text, segments, deltas, transcript.complete, transcript.notes)


def turns(kind: str) -> list[dict[str, object]]:
    return [
        {"Start": place * 1.5, "End": place * 1.5 + 1.25, "Speaker": place % 2 * 11, "Content": text}
        for place, text in enumerate(SENTENCES[kind])
    ]


@pytest.mark.parametrize("spelling", SPELLINGS, ids=["compact", "escaped", "spread"])
@pytest.mark.parametrize("kind", SENTENCES)
def test_an_answer_is_the_same_at_every_split(author: Author, kind: str, spelling: dict[str, object]) -> None:
    answer = json.dumps(turns(kind), **spelling)  # type: ignore[arg-type]
    tokens = [*author.prompt.answer(answer), END_OF_TURN]
    whole = told(author.vocabulary, tokens)
    assert [(s[2], s[3]) for s in whole.segments] == [(turn["Speaker"], turn["Content"]) for turn in turns(kind)]
    assert whole.deltas == whole.text == " ".join(SENTENCES[kind])
    assert whole.complete
    assert not whole.notes
    assert told(author.vocabulary, *([token] for token in tokens)) == whole
    for cut in range(1, len(answer), 1 + len(answer) // 40):  # the same text in other tokens
        halves = [author.prompt.answer(half, header=False) for half in (answer[:cut], answer[cut:])]
        assert told(author.vocabulary, *halves) == whole
    byte = {author.vocabulary.bytes_of(token): token for token in range(256)}
    assert told(author.vocabulary, *([byte[bytes([value])]] for value in answer.encode())) == whole


@pytest.mark.parametrize("kind", SENTENCES)
def test_the_log_probabilities_of_a_segment_are_those_of_its_characters(author: Author, kind: str) -> None:
    answer = json.dumps(turns(kind), ensure_ascii=False, separators=(",", ":"))
    assembler = TranscriptAssembler(author.vocabulary, 1000.0, logprobs=True)
    tokens = author.prompt.answer(answer)
    events = assembler.feed(tokens, [-0.1] * len(tokens))
    said: defaultdict[int, bytes] = defaultdict(bytes)
    for event in events:
        if isinstance(event, SpeechDelta):
            said[event.segment] += b"".join(bytes(token.bytes) for token in event.logprobs)
    for segment in (event.segment for event in events if isinstance(event, SegmentClosed)):
        assert json.dumps(segment.text, ensure_ascii=False)[1:-1].encode() in said[segment.index]
        assert segment.avg_logprob == pytest.approx(-0.1)


def test_every_token_has_the_bytes_that_the_tokenizer_gives_it(author: Author) -> None:
    decode, bytes_of = author.tokenizer.decode, author.vocabulary.bytes_of
    wrong = [i for i in range(NAMED) if bytes_of(i).decode("utf-8", "replace") != decode([i], skip_special_tokens=True)]
    assert wrong == []
    assert {bytes_of(token) for token in range(NAMED, 152_064)} == {b""}


@pytest.mark.parametrize("kind", [kind for kind in SENTENCES if kind != "JSON"])
def test_words_make_up_their_text_in_order(author: Author, kind: str) -> None:
    answer = json.dumps(turns(kind), ensure_ascii=False, separators=(",", ":"))
    assembler = TranscriptAssembler(author.vocabulary, 1000.0)
    tokens = author.prompt.answer(answer)
    assembler.feed(tokens, [-0.1] * len(tokens))
    for segment in assembler.finish()[1].segments:
        words = segment_words(segment)
        assert "".join(word.lead + word.word for word in words).strip() == " ".join(segment.text.split())
        edges = [edge for word in words for edge in (word.start, word.end)]
        assert edges == sorted(edges)
        assert segment.start <= edges[0] <= edges[-1] <= segment.end


@pytest.mark.parametrize("whose", ["author", "twin"])
def test_an_answer_that_begins_again_is_heard_once_token_by_token(whose: str, request: pytest.FixtureRequest) -> None:
    """Also where one token closes a list and opens the next."""
    author: Author = request.getfixturevalue(whose)
    first = '[{"Start":0,"End":2,"Speaker":0,"Content":"One, two."}]'
    again = first[:-1] + ',{"Start":2,"End":4,"Speaker":1,"Content":"Three [x] four."}]'
    tokens = author.tokenizer.encode(first + again, add_special_tokens=False).ids
    assembler = TranscriptAssembler(author.vocabulary, 1000.0, logprobs=True)
    events = [event for token in tokens for event in assembler.feed([token], [-1.0])]
    last, transcript = assembler.finish()
    assert [segment.text for segment in transcript.segments] == ["One, two.", "Three [x] four."]
    assert "".join(event.text for event in [*events, *last] if isinstance(event, SpeechDelta)) == transcript.text
    assert {segment.avg_logprob for segment in transcript.segments} == {-1.0}
    for segment in transcript.segments:
        assert author.tokenizer.decode(list(segment.tokens)).strip(' "}],') == segment.text
    assert transcript.complete
