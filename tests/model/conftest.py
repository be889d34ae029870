"""The bundled checkpoint, loaded once, and clips of sound to run through it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from model.checkpoint import Checkpoint, load_checkpoint
from model.steps import Samples
from tests.model.oracle import Oracle


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint("tiny", device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def oracle(checkpoint: Checkpoint) -> Oracle:
    return Oracle(checkpoint)


@pytest.fixture(scope="session")
def clips() -> list[Samples]:
    """Ragged clips, 0.3 to 9 s, of modulated noise and tones: no speech needed where token equality is what counts."""
    rng = np.random.default_rng(7)
    made = []
    for seconds in (3.1, 0.3, 5.73, 1.2, 9.0, 2.5, 4.4, 0.9):
        time = np.arange(int(seconds * 24_000)) / 24_000
        envelope = np.clip(np.sin(2 * np.pi * rng.uniform(1, 4) * time), 0, 1)
        tone = np.sin(2 * np.pi * rng.uniform(90, 260) * time + 3 * np.sin(2 * np.pi * 5 * time))
        noise = rng.standard_normal(time.size)
        made.append((0.1 * envelope * (tone + 0.3 * noise) + 0.002 * noise).astype(np.float32))
    return made
