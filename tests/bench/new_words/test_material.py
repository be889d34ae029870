"""The words that the tiny checkpoint is taught."""

from __future__ import annotations

import pytest
from transformers import AutoTokenizer

from bench.new_words.material import NEW_WORDS
from model.tiny.recipe.train import CHECKPOINT
from model.tiny.recipe.vocabulary import WORDS


@pytest.mark.parametrize("word", NEW_WORDS)
def test_a_new_word_is_in_no_vocabulary_and_one_token_within_a_sentence(word: str) -> None:
    assert word.casefold() not in {known.casefold() for known in WORDS}
    assert len(AutoTokenizer.from_pretrained(CHECKPOINT)(f" {word}", add_special_tokens=False)["input_ids"]) == 1
