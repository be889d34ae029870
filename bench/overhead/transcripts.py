"""What the API computes for every token of an answer."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from tokenizers import Tokenizer

from bench.overhead.line import ROUNDS, Line
from bench.overhead.speaker import TINY
from bench.support.report import Goal
from server.transcript.assembler import TranscriptAssembler
from server.transcript.detokenizer import Vocabulary

FEW, MANY = 4096, 32_768
"""Tokens of one segment: some minutes of one speaker, and the longest answer there is."""


def lines() -> list[Line]:
    """The line about log-probabilities."""
    vocabulary, tokenizer = Vocabulary.load(TINY), Tokenizer.from_file(str(TINY / "tokenizer.json"))
    one = [{"Start": 0, "End": 3600, "Speaker": 0, "Content": " ".join(["coffee"] * MANY)}]
    tokens = tokenizer.encode(json.dumps(one), add_special_tokens=False).ids[:MANY]
    few, many = (min(_seconds(vocabulary, tokens[:count]) for _ in range(ROUNDS)) for count in (FEW, MANY))
    return [
        Line(
            f"one segment read, {FEW} and {MANY} tokens with their log-probabilities",
            f"{1e6 * few / FEW:.1f} and {1e6 * many / MANY:.1f} us a token",
            [Goal("logprobs-a-token-of-32k-over-4k", many * FEW / (few * MANY), 1.5, at_least=False)],
        )
    ]


def _seconds(vocabulary: Vocabulary, tokens: Sequence[int]) -> float:
    """Processor time, as the words come: one token at a time."""
    assembler, began = TranscriptAssembler(vocabulary, 3600.0), time.process_time()
    for token in tokens:
        assembler.feed([token], [-0.5])
    assembler.finish(cut=True)
    return time.process_time() - began
