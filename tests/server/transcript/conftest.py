from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer

from server.transcript.detokenizer import Vocabulary

CHECKPOINT = Path(__file__).resolve().parents[3] / "model" / "tiny" / "checkpoint"


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """The bundled checkpoint's: byte-level like the large one's, so any text can be written in it."""
    return Tokenizer.from_file(str(CHECKPOINT / "tokenizer.json"))


@pytest.fixture(scope="session")
def vocabulary() -> Vocabulary:
    return Vocabulary.load(CHECKPOINT)
