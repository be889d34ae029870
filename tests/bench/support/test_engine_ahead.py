"""Step loop and real runner together, each step launched before the last one is read: the same answers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import soundfile  # type: ignore[import-untyped]
import torch

from bench.support.engine import transcribe
from model.loading.checkpoint import load_checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.runner import RunnerInfo
from tests.support.samples import SHORT, TWO_SPEAKERS


class AheadRunner(Runner):
    """As on a device that works by itself."""

    @property
    def info(self) -> RunnerInfo:
        return replace(super().info, launches_ahead=True)


def test_answers_do_not_depend_on_when_steps_are_read() -> None:
    torch.set_num_threads(1)
    checkpoint = load_checkpoint("tiny", device="cpu", dtype="float32")
    spoken: list[Samples] = [soundfile.read(path, dtype="float32")[0] for path in (SHORT, TWO_SPEAKERS)]
    clips = [*spoken, *(np.concatenate([spoken[0], clip[: 24_000 * seconds]]) for clip in spoken for seconds in (2, 5))]
    ran = []
    for kind, drafts in ((Runner, True), (AheadRunner, True), (AheadRunner, False)):
        runner = kind(checkpoint, pages=400, page_size=32, drafts=drafts)
        ran.append(transcribe(runner, clips, concurrency=4, tokens=200))
        assert runner.free_pages == runner.info.pages
    assert ran[0] == ran[1] == ran[2]
    assert all(len(answer) > 20 for answer in ran[0])
