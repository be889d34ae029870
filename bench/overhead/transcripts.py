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

    def microseconds(count: int, *, logprobs: bool) -> float:
        """A token, of so many."""
        return 1e6 / count * min(_seconds(vocabulary, tokens[:count], logprobs) for _ in range(ROUNDS))

    few, many, unasked = (
        microseconds(count, logprobs=logprobs) for count, logprobs in ((FEW, True), (MANY, True), (MANY, False))
    )
    return [
        Line(
            f"one segment read, {FEW} and {MANY} tokens with their log-probabilities, and {MANY} without",
            f"{few:.1f}, {many:.1f} and {unasked:.1f} us a token",
            [
                Goal("logprobs-a-token-of-32k-over-4k", many / few, 1.5, at_least=False),
                Goal("tokens-read-without-logprobs-over-with", unasked / many, 1.0, at_least=False),
            ],
        )
    ]


def _seconds(vocabulary: Vocabulary, tokens: Sequence[int], logprobs: bool) -> float:
    """Processor time, as the words come: one token at a time."""
    assembler, began = TranscriptAssembler(vocabulary, 3600.0, logprobs=logprobs), time.process_time()
    for token in tokens:
        assembler.feed([token], [-0.5])
    assembler.finish(cut=True)
    return time.process_time() - began
