"""The rehearsal names the bound that a scene breaks, and none where all is well."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

import model.decoder.decoder
from bench.rehearsal import FakeCuda, card_of
from bench.rehearsal.run import Scene, perform, start
from bench.rehearsal.scenes import files
from bench.support.random_model import random_checkpoint, small
from model.start import make_runner

TOKENS = 4
SCENE = Scene("files", files([1.0, 2.0], tokens=TOKENS), TOKENS)


def test_a_scene_without_fault_breaks_nothing_and_one_that_waits_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def blocking(
        numbers: Sequence[float] | np.ndarray, device: torch.device, dtype: torch.dtype = torch.int64
    ) -> torch.Tensor:
        return torch.tensor(np.asarray(numbers), dtype=dtype).to(device)

    with FakeCuda(card_of(24)) as cuda:
        checkpoint = random_checkpoint(small(), torch.device("cuda", 0), torch.bfloat16)
        runner = make_runner(checkpoint, kv_positions=1 << 14, graphs=False)
        assert start(cuda, runner, []) == []
        found = perform(cuda, runner, SCENE)
        assert (found.broken, found.waits, found.recorded, found.aborted) == ([], 1, 0, False)
        assert found.high_water > 0
        monkeypatch.setattr(model.decoder.decoder, "send", blocking)
        assert any("a launch waits" in each and "test_run" in each for each in perform(cuda, runner, SCENE).broken)


def test_an_exception_ends_a_scene_and_is_named() -> None:
    with FakeCuda(card_of(24)) as cuda:
        checkpoint = random_checkpoint(small(), torch.device("cuda", 0), torch.bfloat16)
        runner = make_runner(checkpoint, kv_positions=1 << 14, graphs=False)

        def broken(tensor: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("CUDA error: device-side assert triggered")

        cuda.answer = broken
        found = perform(cuda, runner, SCENE)
    assert found.aborted
    assert any("device-side assert" in each for each in found.broken)
