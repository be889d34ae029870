"""What the log tells of a start."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

import pytest

from server.engine.settings import EngineSettings
from tests.server.engine.conftest import PATIENCE
from tests.support.scripted_runner import ScriptedRunner

if TYPE_CHECKING:
    from tests.server.engine.conftest import StartEngine


async def test_what_runs_is_told_and_not_what_stands_in_the_code(
    start_engine: StartEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "server.engine"):
        engine = await start_engine(partial(ScriptedRunner), EngineSettings())
        await asyncio.wait_for(engine.wait_ready(), PATIENCE)
    (told,) = [text for record in caplog.records if "is ready after" in (text := record.getMessage())]
    assert engine.info is not None
    assert f"pages {engine.info.pages}, " in told
    assert "family VibeVoice-ASR, " in told
    assert "Geometry(" not in told
