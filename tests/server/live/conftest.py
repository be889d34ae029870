"""The engine on the bundled checkpoint, shared by the tests of live sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.engine.worker.load import ModelWishes, load_model
from server.transcript.detokenizer import Vocabulary


@asynccontextmanager
async def _started() -> AsyncIterator[Engine]:
    engine = Engine(partial(load_model, ModelWishes("tiny", device="cpu", dtype="float32")), EngineSettings())
    with pytest.MonkeyPatch.context() as patch:
        # Several threads of the worker wait for each other where others want the processors too.
        patch.setenv("OMP_NUM_THREADS", "1")
        await engine.start()
        await engine.wait_ready()
        yield engine
    await engine.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[Engine]:
    """For all tests of a file, since a worker that loads the model takes longer than most of them."""
    async with _started() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def lone_engine() -> AsyncIterator[Engine]:
    """For one test, which closes it or counts all that it does."""
    async with _started() as started:
        yield started


@pytest.fixture(scope="module")
def vocabulary(engine: Engine) -> Vocabulary:
    assert engine.info is not None
    return Vocabulary.load(Path(engine.info.checkpoint_path))
