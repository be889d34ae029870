"""A device that is full: the step is done in parts, and only what cannot be done by itself fails."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from model.decoder.attention import Backend
from model.decoder.decoder import HEAD_PLACES, Decoder
from model.device.capture import Result
from model.drafts.bounds import MOST_GUESSED
from model.encoder.streaming import StreamingEncoder
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan
from model.seam.streams import Question
from tests.model import paged_reference
from tests.model.driver import Driver, Job, asked, hear, opened
from tests.model.replaying import Replaying


class Full:
    """Patches a method so that it has memory for a few positions or frames only."""

    def __init__(self, patch: pytest.MonkeyPatch, most_positions: int, most_frames: int) -> None:
        self.refused = 0
        launch, encode = Decoder._launch, StreamingEncoder.encode

        def tight_launch(decoder: Decoder, inputs: Any, rows: Any, wanted: Any) -> tuple[torch.Tensor, torch.Tensor]:
            self._check(sum(new for _, new in rows) > most_positions)
            return launch(decoder, inputs, rows, wanted)

        def tight_encode(encoder: StreamingEncoder, states: Any, chunks: list[Samples]) -> list[torch.Tensor]:
            self._check(sum(chunk.size for chunk in chunks) > most_frames * HOP)
            return encode(encoder, states, chunks)

        patch.setattr(Decoder, "_launch", tight_launch)
        patch.setattr(StreamingEncoder, "encode", tight_encode)

    def _check(self, too_much: bool) -> None:
        if too_much:
            self.refused += 1
            raise torch.OutOfMemoryError("CUDA out of memory")


def jobs(clips: list[Samples]) -> list[Job]:
    return [Job(clip, 30) for clip in clips]


@pytest.mark.parametrize("drafts", [True, False])
def test_steps_in_parts_answer_as_whole_ones(
    checkpoint: Checkpoint, clips: list[Samples], drafts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(checkpoint, pages=400, page_size=16, drafts=drafts)
    wanted, got = jobs(clips), jobs(clips)
    Driver(runner, 3).run(wanted)
    full = Full(monkeypatch, most_positions=5, most_frames=3)
    Driver(runner, 3, ahead=True).run(got)
    assert full.refused > 20
    assert [job.answer for job in got] == [job.answer for job in wanted]
    assert runner.free_pages == runner.info.pages


def test_parts_that_replay_the_same_recording_do_not_overwrite_each_other(
    checkpoint: Checkpoint, clips: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps too large for a recording are refused; their halves are replayed, in the same tensors."""
    capture = Replaying()
    reference = Backend("reference", paged_reference.attend)
    runner = Runner(checkpoint, pages=400, page_size=16, drafts=False, attention=reference, record_steps=capture)
    many = [clips[number % len(clips)] for number in range(24)]
    wanted, got = jobs(many), jobs(many)
    Driver(runner, 5).run(wanted, join_chance=1.0)
    assert runner._decoder._graphs is not None
    run = runner._decoder._graphs.run

    def run_few(inputs: Any, rows: Any, places: Any) -> Result | None:
        return run(inputs, rows, places) if len(rows) < 6 else None

    monkeypatch.setattr(runner._decoder._graphs, "run", run_few)
    full = Full(monkeypatch, most_positions=0, most_frames=1000)
    before = capture.replays
    Driver(runner, 5).run(got, join_chance=1.0)
    assert full.refused > 5
    assert capture.replays - before > 20
    assert [job.answer for job in got] == [job.answer for job in wanted]


def test_what_cannot_be_done_by_itself_fails_alone(
    checkpoint: Checkpoint, clips: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(checkpoint, pages=400, page_size=16)
    for number in (1, 2):
        opened(runner, number, clips[0])
        hear(runner, number, clips[0][: 10 * HOP])
    forward = Decoder.forward

    def refuses_the_first(decoder: Decoder, inputs: Any, rows: Any, *rest: Any) -> torch.Tensor:
        if any(table is runner._streams[1].table for table, _ in rows):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(decoder, inputs, rows, *rest)

    monkeypatch.setattr(Decoder, "forward", refuses_the_first)
    plan = StepPlan(rows=(RowWork(1, asked(runner, 1)), RowWork(2, asked(runner, 2))))
    pending = runner.launch(plan)
    assert pending.failed == {1}
    assert [out.stream for out in pending.read().emitted] == [2]
    runner.release(1)
    monkeypatch.undo()
    assert runner.step(StepPlan(rows=(RowWork(2, 1),))).emitted
    runner.release(2)
    runner.check_integrity()
    assert runner.free_pages == runner.info.pages


def test_guesses_of_many_rows_share_a_bound_and_the_head_is_run_in_slices(
    checkpoint: Checkpoint, clips: list[Samples], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Live sessions guess whole answers: 32 of them would ask for thousands of rows of logits at once."""
    runner = Runner(checkpoint, pages=900, page_size=16)
    text = '[{"Start":0.00,"End":1.00,"Speaker":0,"Content":"' + "one two three four " * 60
    places, slices = [], []
    forward, head = Decoder.forward, checkpoint.model.lm_head.forward

    def counting_forward(decoder: Decoder, inputs: Any, rows: Any, wanted: list[int], *rest: Any) -> torch.Tensor:
        places.append(len(wanted))
        return forward(decoder, inputs, rows, wanted, *rest)

    def counting_head(hidden: torch.Tensor) -> torch.Tensor:
        slices.append(len(hidden))
        logits: torch.Tensor = head(hidden)
        return logits

    monkeypatch.setattr(Decoder, "forward", counting_forward)
    monkeypatch.setattr(checkpoint.model.lm_head, "forward", counting_head)
    rows = []
    for number in range(8):
        opened(runner, number, clips[0])
        hear(runner, number, clips[0][: 5 * HOP])
        rows.append(RowWork(number, asked(runner, number, Question(guess=text))))
    places.clear()
    slices.clear()
    pending = runner.launch(StepPlan(rows=tuple(rows)))
    assert places == [MOST_GUESSED + 8]
    assert max(slices) <= HEAD_PLACES
    assert sum(slices) == sum(places)
    assert 0 < len(pending.held) < 8, "some rows had room for guesses"
    assert len(pending.read().emitted) == 8
