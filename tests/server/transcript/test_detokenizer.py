from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from server.transcript.detokenizer import Detokenizer, Vocabulary
from tests.server.transcript.answers import examples, token_id


def decode(vocabulary: Vocabulary, tokens: list[int]) -> str:
    detokenizer = Detokenizer(vocabulary)
    return "".join(detokenizer.feed(token) for token in tokens)


@given(text=st.text(st.characters(codec="utf-8"), max_size=30))
@example(text="<|vision_pad|>")
@examples(40)
def test_text_comes_back(tokenizer: Tokenizer, vocabulary: Vocabulary, text: str) -> None:
    """Also what is spelled like a special token."""
    assert decode(vocabulary, vocabulary.ids(text)) == tokenizer.normalizer.normalize_str(text)


@given(tokens=st.lists(st.integers(0, 1500), max_size=30))
@examples(40)
def test_any_tokens_decode_as_the_library_does(tokenizer: Tokenizer, vocabulary: Vocabulary, tokens: list[int]) -> None:
    whole = tokenizer.decode(tokens, skip_special_tokens=True)
    ours = decode(vocabulary, tokens)
    assert whole.removeprefix(ours).strip("\ufffd") == ""  # an unfinished character at the end is held back


def test_a_character_comes_when_its_last_byte_does(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    tokens = tokenizer.encode("a😀b", add_special_tokens=False).ids
    detokenizer = Detokenizer(vocabulary)
    assert [detokenizer.feed(token) for token in tokens] == ["a", "", "", "", "😀", "b"]
    assert b"".join(vocabulary.bytes_of(token) for token in tokens) == "a😀b".encode()


def test_special_tokens_and_unknown_ids_have_no_text(tokenizer: Tokenizer, vocabulary: Vocabulary) -> None:
    ids = [token_id(tokenizer, name) for name in ("<|im_start|>", "<|im_end|>", "<|endoftext|>")]
    assert [vocabulary.bytes_of(token) for token in [*ids, 10_000_000]] == [b""] * 4


def test_added_tokens_that_are_not_special_have_their_text(tokenizer: Tokenizer) -> None:
    widened = Tokenizer.from_str(tokenizer.to_str())
    widened.add_tokens(["<ü>"])
    assert decode(Vocabulary(widened), [token_id(widened, "<ü>")]) == "<ü>"


def test_other_kinds_of_tokenizers_are_refused() -> None:
    pieces = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    pieces.decoder = decoders.WordPiece()
    with pytest.raises(ValueError, match="byte-level"):
        Vocabulary(pieces)


def test_a_folder_without_tokenizer_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"tokenizer\.json"):
        Vocabulary.load(tmp_path)
