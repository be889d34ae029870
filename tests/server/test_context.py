"""What callers add to the prompt, joined as the model saw it in training."""

from __future__ import annotations

import pytest

from server.context import (
    ANY_ROOM,
    MAX_CONTEXT_CHARACTERS,
    MAX_CONTEXT_PARTS,
    ContextRoom,
    ContextTooLong,
    context_of,
    context_tokens,
)


@pytest.mark.parametrize(
    ("parts", "context"),
    [
        ((), None),
        (("", " \n"), None),
        (("Bern",), "Bern"),
        ((" Bern ", "", "Ada Lovelace\n"), "Bern\nAda Lovelace"),
        (("two\nlines", "x"), "two\nlines\nx"),
    ],
)
def test_parts_stand_one_per_line(parts: tuple[str, ...], context: str | None) -> None:
    assert context_of(*parts) == context


def test_the_limit_is_on_all_parts_and_the_breaks_between_them() -> None:
    half = "x" * (MAX_CONTEXT_CHARACTERS // 2)
    assert context_of(half, half[1:]) is not None
    assert context_of(f"{' ' * MAX_CONTEXT_CHARACTERS}x") == "x"
    with pytest.raises(ContextTooLong) as caught:
        context_of(half, half)
    assert caught.value.limit == "may have 16384 characters, not 16385"


def test_the_limit_on_their_number_leaves_out_empty_ones() -> None:
    assert context_of(*["x", ""] * MAX_CONTEXT_PARTS) is not None
    with pytest.raises(ContextTooLong) as caught:
        context_of(*["x"] * 5_000)
    assert caught.value.limit == "may have 1000 entries, not 5000"


def test_tokens_are_never_counted_too_few() -> None:
    assert context_tokens(None) == 0
    assert context_tokens("Grün 你") == 9


def test_room_is_counted_in_tokens_and_only_where_bytes_do_not_settle_it() -> None:
    counted: list[str] = []

    def words(text: str) -> int:
        counted.append(text)
        return len(text.split())

    room = ContextRoom(3, 30.0, words)
    room.check(None)
    room.check("abc")
    assert not counted
    room.check("three words here")
    with pytest.raises(ContextTooLong) as caught:
        room.check("these are four words")
    assert caught.value.limit == "may have 3 tokens beside 30 s of audio, not 4"
    assert counted == ["three words here", "these are four words"]


def test_where_the_model_is_not_known_every_context_fits() -> None:
    ANY_ROOM.check("x" * MAX_CONTEXT_CHARACTERS)
