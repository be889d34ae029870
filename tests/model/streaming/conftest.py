"""The small streaming checkpoint, loaded once, and what it says by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile  # type: ignore[import-untyped]
import torch

from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.seam.audio import Samples
from tests.model.streaming.by_hand import ByHand
from tests.support import streaming_twin
from tests.support.samples import DIALOGUE


@pytest.fixture(scope="session")
def folder() -> Path:
    return streaming_twin.folder()


@pytest.fixture(scope="session")
def streaming(folder: Path) -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint(str(folder), device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def by_hand(streaming: Checkpoint) -> ByHand:
    return ByHand(streaming)


@pytest.fixture(scope="session")
def talk() -> Samples:
    """Two speakers, 6 s."""
    samples, _ = soundfile.read(DIALOGUE, dtype="float32")
    kept: Samples = samples
    return kept
