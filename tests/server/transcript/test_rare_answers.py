"""Answers and references that are seldom so, each read one way only."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from server.transcript.detokenizer import Detokenizer, Vocabulary
from server.transcript.parser import TranscriptParser
from server.transcript.references import ReferenceClip, ReferenceFilter
from tests.server.transcript.answers import DURATION, read, written


@pytest.mark.parametrize("junk", ["x", "x ", "-", "'"])
def test_a_key_begins_with_its_quote(junk: str) -> None:
    (segment,) = read(f'[{{{junk}"Start":2.99,"End":4,"Speaker":0,"Content":"hello"}}]').segments
    assert (segment.start, segment.end, segment.speaker, segment.text) == (2.99, 4.0, 0, "hello")


def test_the_speaker_who_is_heard_longest_in_a_clip_has_its_name_whoever_comes_last() -> None:
    clips = [ReferenceClip("Ada", 0.0, 3.0), ReferenceClip("Bob", 4.0, 8.0)]
    answer = written((0, 2, 3, "a"), (2, 3, 0, "x"), (4, 7, 0, "b"), (7, 8, 3, "x"), (9, 10, 0, "c"))
    references = ReferenceFilter(clips, 9.0, DURATION)
    references.feed(TranscriptParser(9.0 + DURATION).feed(answer))
    assert references.names == {3: "Ada", 0: "Bob"}


def test_every_byte_of_a_character_is_its_own(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    """Two bytes each have these characters, of all values that a byte behind the first can have."""
    text = "".join(map(chr, range(0x80, 0x300)))
    tokens = tokenizer.encode(text, add_special_tokens=False).ids
    detokenizer = Detokenizer(vocabulary)
    assert "".join(map(detokenizer.feed, tokens)) == tokenizer.normalizer.normalize_str(text)
