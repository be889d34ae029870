"""What callers add to the prompt, joined as the model saw it in training."""

from __future__ import annotations

import pytest

from server.context import MAX_CONTEXT_CHARACTERS, ContextTooLong, context_of, context_tokens


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
    assert caught.value.limit == MAX_CONTEXT_CHARACTERS


def test_tokens_are_never_counted_too_few() -> None:
    assert context_tokens(None) == 0
    assert context_tokens("Grün 你") == 9
