"""Pieces of an answer: whole characters with their tokens, and nothing behind a stop."""

from __future__ import annotations

import pytest

from server.conversations.pieces import Piece, Spelling, Stops
from server.transcript.detokenizer import Vocabulary
from tests.support.snapshot import snapshot


@pytest.fixture(scope="module")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(snapshot())


def test_pieces_are_whole_characters_and_lose_no_token(vocabulary: Vocabulary) -> None:
    text = '[{"Content":"Grüße 👩🏽‍🚀 नमस्ते."},{"'
    ids = vocabulary.ids(text)
    spelling = Spelling(vocabulary)
    pieces = [piece for token in ids for piece in spelling.feed([token], [-0.5])] + spelling.finish()
    assert "".join(piece.text for piece in pieces) == text
    assert "\ufffd" not in "".join(piece.text for piece in pieces)
    tokens = [token for piece in pieces for token in piece.tokens]
    assert b"".join(bytes(token.bytes) for token in tokens) == text.encode()
    assert len(tokens) == len(ids)


TEXT = 'one two"},{"three'


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(
    ("stops", "passed"),
    [
        ((), TEXT),
        (("},",), 'one two"'),
        (("three", "two"), "one "),
        (("threes",), TEXT),
        (('"},{"three',), "one two"),
        (("eee",), TEXT),
    ],
)
def test_an_answer_ends_in_front_of_the_first_stop_however_it_comes(
    size: int, stops: tuple[str, ...], passed: str
) -> None:
    gate = Stops(stops)
    out = ""
    for start in range(0, len(TEXT), size):
        out += "".join(piece.text for piece in gate.feed(Piece(TEXT[start : start + size])))
        assert TEXT.startswith(out)
        if gate.stopped:
            break
    out += "".join(piece.text for piece in gate.finish())
    assert out == passed
    assert gate.stopped == (passed != TEXT)


def test_only_what_may_begin_a_stop_is_held_back() -> None:
    gate = Stops(("END",))
    assert [piece.text for piece in gate.feed(Piece("once EN"))] == []
    assert [piece.text for piece in gate.feed(Piece("TER "))] == ["once EN", "TER "]
