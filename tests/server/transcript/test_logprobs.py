"""Which tokens carry which part of a text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.transcript.logprobs import TextLogprobs, TokenLogprob, carried, led, seen, token_logprob


def tokens(*spelled: bytes | str) -> tuple[TokenLogprob, ...]:
    return tuple(
        token_logprob(one.encode() if isinstance(one, str) else one, -place) for place, one in enumerate(spelled)
    )


def texts(carriers: Sequence[TokenLogprob]) -> list[str]:
    return [token.token for token in carriers]


@pytest.mark.parametrize(
    ("text", "spelled", "cut"),
    [
        ("Yes", ["Yes"], ["Yes"]),
        (" sir.", [" sir", '."},'], [" sir", "."]),
        ("Yes", ['"Content":"', 'Yes"'], ["Yes"]),
        ("Yes", ['":" Yes"'], ["Yes"]),
        ('say "no"', ["say ", '\\"no\\"'], ["say ", '\\"no\\"']),
        ('"', ['\\"}'], ['"']),
        ("a\ud800", ["a"], ["a"]),
        ("a", [], []),
    ],
)
def test_tokens_are_cut_to_what_they_carry(text: str, spelled: list[str], cut: list[str]) -> None:
    assert texts(carried(text, tokens(*spelled))) == cut


def test_a_character_may_take_several_tokens() -> None:
    first, second, third = tokens(*[bytes([byte]) for byte in "好".encode()])
    assert carried("好", [first, second, third]) == [first, second, third]
    assert bytes(byte for token in (first, second, third) for byte in token.bytes).decode() == "好"


def test_a_token_may_end_within_a_character() -> None:
    """Only what stands around a text is cut off, and not what the next part of it begins with."""
    one, other = "मस".encode()[:4], "मस".encode()[4:]
    whole = TextLogprobs.of([("म", tokens(b'"' + one)), ("स", tokens(other + b'"}'))])
    assert [bytes(token.bytes) for token in whole.tokens] == [one, other]
    assert whole.ends == (1, 2)


def test_a_mark_that_json_escapes_is_the_mark_alone() -> None:
    whole = TextLogprobs.of([("No", tokens("No")), ('"', tokens('\\"')), ("!", tokens('!"}'))])
    assert texts(whole.tokens) == ["No", '"', "!"]


def test_a_token_keeps_its_log_probability() -> None:
    assert carried("b", tokens("a", 'b"')) == [TokenLogprob("b", (98,), -1)]
    assert led(" ", tokens("b", "c")) == [TokenLogprob(" b", (32, 98), 0), TokenLogprob("c", (99,), -1)]
    assert led("", tokens(" b")) == [TokenLogprob("b", (98,), 0)]
    assert led(" ", []) == []


pieces = st.lists(st.text("ab 好", min_size=1).filter(str.strip), max_size=8)


@given(pieces, st.lists(st.integers(0, 40), max_size=4))
def test_parts_of_a_text_have_all_its_tokens_each_once(written: list[str], cuts: list[int]) -> None:
    whole = TextLogprobs.of([(piece, tokens(piece)) for piece in written])
    assert texts(whole.tokens) == written
    length = seen("".join(written))
    places = [0, *sorted(min(cut, length) for cut in cuts), length]
    parts = [token for first, last in pairwise(places) for token in whole.between(first, last)]
    assert tuple(parts) == whole.tokens
    for place in places:
        rest = whole.behind(place)
        assert rest.tokens == whole.between(place, length)
        assert rest.between(0, length - place) == rest.tokens
