"""Guesses use the positions that are reserved for their stream, and none behind them."""

from __future__ import annotations

import pytest
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
    prompt = runner.counts(1).cached + asked(runner, 1, question)
    most = 0
    while (counts := runner.counts(1)).answered <= question.max_tokens and not set(tokens) & runner.info.stop_ids:
        pending = runner.launch(StepPlan(rows=(RowWork(1, counts.queued),)))
        most = max(most, runner.counts(1).cached - prompt)
        tokens += pending.read().emitted[0].tokens
    runner.crop(1)
    return tokens, most


@pytest.mark.parametrize("limit", [1, 60, 90, 110])
def test_no_guess_goes_beyond_the_longest_answer(checkpoint: Checkpoint, limit: int) -> None:
    """However much of the old answer is left, as where the new one says more at its beginning."""
    clip, _ = soundfile.read(SAMPLES / "two_speakers.flac", dtype="float32")
    runner = Runner(checkpoint, pages=400, page_size=16)
    opened(runner, 1, clip)
    hear(runner, 1, clip, whole=True)
    whole, _ = write(runner, Question())
    text = checkpoint.processor.tokenizer.decode(whole, skip_special_tokens=True)
    opening, said, rest = text.partition('"Content":"')
    for skipped in (0, 12, 40):
        guess = opening + said + rest[skipped:]
        tokens, most = write(runner, Question(guess=guess, max_tokens=limit))
        assert tokens[: limit + 1] == whole[: limit + 1]
        assert most <= limit + runner.info.draft_positions
