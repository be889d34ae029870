"""The engine on the bundled checkpoint, shared by the tests of live sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.engine.worker.load import ModelWishes, load_model
from server.transcript.detokenizer import Vocabulary


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    # Several threads of the worker wait for each other where others want the processors too.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started = Engine(partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32")), EngineSettings())
    await started.start()
    await started.wait_ready()
    yield started
    await started.close()


@pytest.fixture
def vocabulary(engine: Engine) -> Vocabulary:
    assert engine.info is not None
    return Vocabulary.load(Path(engine.info.checkpoint_path))
