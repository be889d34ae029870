"""The bundled checkpoint, loaded once, and clips of sound to run through it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np
import pytest
import torch

from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.seam.audio import Samples
from tests.model.oracle import Oracle


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture(scope="module")
def interpreted() -> Iterator[Callable[[str], ModuleType]]:
    """Imports a module of Triton kernels for Triton's interpreter, which runs them on a CPU.

    Triton chooses between compiler and interpreter when it is imported, so it is imported anew, its binary part apart.
    """
    pytest.importorskip("triton")
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        for name in [name for name in sys.modules if name.split(".")[0] == "triton" and "._C" not in name]:
            patch.delitem(sys.modules, name)

        def load(name: str) -> ModuleType:
            patch.delitem(sys.modules, name, raising=False)
            module = importlib.import_module(name)
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            delattr(sys.modules[parent], child)  # or the next import of it would find this one
            return module

        yield load
        for name in [name for name in sys.modules if name.split(".")[0] == "triton" and name not in before]:
            del sys.modules[name]


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
