"""The real checkpoint's vocabulary, template, processor and layout, with small random weights."""

from __future__ import annotations

import pytest
import torch

from model.family.vibevoice_asr.prompt import TemplatePrompt
from model.loading.checkpoint import TINY, Checkpoint, load_checkpoint
from tests.model.oracle import Oracle
from tests.support.author import Author
from tests.support.snapshot import processor, snapshot


@pytest.fixture(scope="session")
def author() -> Author:
    return Author(snapshot())


@pytest.fixture(scope="session")
def prompt() -> TemplatePrompt:
    return TemplatePrompt(processor())


@pytest.fixture(scope="session")
def twin() -> Author:
    """The bundled checkpoint's vocabulary: its pieces are others."""
    return Author(TINY)


@pytest.fixture(scope="session")
def checkpoint() -> Checkpoint:
    torch.set_num_threads(1)
    return load_checkpoint(str(snapshot()), device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def oracle(checkpoint: Checkpoint) -> Oracle:
    return Oracle(checkpoint)
