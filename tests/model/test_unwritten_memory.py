"""Memory that nobody has written holds anything on a GPU, and zeros on many a CPU, where a reader of it is not noticed.

Here it holds NaN, and the largest number where it is of integers.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from model.decoder.attention import SDPA, Backend
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.streams import Question
from tests.model import paged_reference
from tests.model.driver import Driver, Job
from tests.model.oracle import Oracle
from tests.model.replaying import Replaying

TOKENS = 16
PAGED = Backend("reference", paged_reference.attend)


@pytest.fixture
def _never_zero() -> Iterator[None]:
    memory = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(True)
    memory.fill_uninitialized_memory = True  # type: ignore[attr-defined]
    yield
    torch.use_deterministic_algorithms(before[0])
    memory.fill_uninitialized_memory = before[1]  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_never_zero")
@pytest.mark.parametrize("recorded", [False, True], ids=["as they come", "recorded"])
def test_nothing_is_read_that_was_not_written(
    checkpoint: Checkpoint, oracle: Oracle, clips: list[Samples], recorded: bool
) -> None:
    assert torch.empty(1).isnan()
    runner = Runner(
        checkpoint,
        pages=200,
        page_size=16,
        attention=PAGED if recorded else SDPA,
        record_steps=Replaying() if recorded else None,
        record_chunks=Replaying() if recorded else None,
    )
    jobs = [Job(clip, TOKENS, Question(force_header=False)) for clip in clips[:4]]
    Driver(runner, 0, ahead=True).run(jobs)
    assert [job.answer for job in jobs] == [oracle.answer(clip, tokens=TOKENS) for clip in clips[:4]]
