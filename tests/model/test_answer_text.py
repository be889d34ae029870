"""What is forced, in vocabularies whose pieces are none of Qwen's: bytes, and few that cross the ends of a content."""

from __future__ import annotations

from typing import Any

import pytest
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer

from model.family.vibevoice_asr.answer_text import AnswerText

BEGUN = '[{"Start":0,"End":1,"Speaker":0,"Content":"'
LAST_OF_EURO = "\u00ac"
"""The last byte of a euro sign, 0xAC, as byte-level vocabularies spell it."""


def answers(*merges: tuple[str, str]) -> AnswerText:
    pieces = [*sorted(ByteLevel.alphabet()), *(left + right for left, right in merges)]
    make: Any = Qwen2Tokenizer  # it takes pairs too, which its annotation leaves out
    return AnswerText(make(vocab={piece: place for place, piece in enumerate(pieces)}, merges=list(merges)))


@pytest.mark.parametrize("end", ["yes.", "é", "語", "مرحبا", "👍🏽", "5 €"])
def test_the_closing_brace_is_not_forced_where_it_is_a_piece_of_its_own(end: str) -> None:
    bytewise = answers()
    assert bytewise.text(bytewise.answer_start(f'{BEGUN}{end}"}}', header=False)) == f'{BEGUN}{end}"'


def test_nothing_is_forced_of_a_character_whose_last_byte_may_be_part_of_what_follows() -> None:
    crossing = answers(("}", "]"), ('"', "}"), (LAST_OF_EURO, '"'))
    assert crossing.text(crossing.answer_start(f'{BEGUN}5 €"}}', header=False)) == f"{BEGUN}5 "
