"""Guesses use the positions that are reserved for their stream, and none behind them."""

from __future__ import annotations

import re

import soundfile  # type: ignore[import-untyped]

from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from tests.model.driver import asked, hear, opened
from tests.support.samples import SAMPLES


def write(runner: Runner, question: Question) -> tuple[list[int], int]:
    """The answer of stream 1, and the most positions that it had at once behind its prompt.

    As the engine, it goes on until the token behind the longest answer is known.
    """
    tokens: list[int] = []
    prompt = asked(runner, 1, question) + runner.counts(1).cached
    most = 0
    while (counts := runner.counts(1)).answered <= question.max_tokens and not set(tokens) & runner.info.stop_ids:
        pending = runner.launch(StepPlan(rows=(RowWork(1, counts.queued),)))
        most = max(most, runner.counts(1).cached - prompt)
        tokens += pending.read().emitted[0].tokens
    runner.crop(1)
    return tokens, most


def test_no_guess_goes_beyond_the_longest_answer(checkpoint: Checkpoint) -> None:
    """Where the new answer has said more than the old one, much of that is left when no room is."""
    clip, _ = soundfile.read(SAMPLES / "long.flac", dtype="float32")
    runner = Runner(checkpoint, pages=400, page_size=16)
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    whole, most = write(runner, Question(max_tokens=450))
    assert most <= 450 + runner.info.draft_positions
    text = checkpoint.processor.tokenizer.decode(whole)
    brief = re.sub(r'("Content":"[^ "]+)[^"]*"', r'\1"', text)
    tokens, most = write(runner, Question(guess=brief, max_tokens=300))
    assert tokens[:301] == whole[:301]
    assert most <= 300 + runner.info.draft_positions
