"""A transcriber that is closed while others wait for it: they are told, at once, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Semaphore, Thread
from typing import Any

import pytest

import server.in_process as in_process
from server.app import engine_settings
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from server.settings import Settings
from tests.server.http.conftest import tone
from tests.support.speaking_runner import SpeakingRunner, endless_answer
from vibevoice_asr import AsyncTranscriber, Outcome, Transcriber

PATIENCE = 60
AT_ONCE = 2
ENDLESS = endless_answer()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Semaphore:
    """Counts the recordings that the model has come to. It takes its time."""
    count = Semaphore(0)

    class Watched(Engine):
        def open(self, *args: Any, **options: Any) -> EngineStream:
            stream = super().open(*args, **options)
            count.release()
            return stream

    def make(settings: Settings, failed_starts: int) -> Engine:
        return Watched(partial(SpeakingRunner, step_seconds=0.05), engine_settings(settings))

    monkeypatch.setattr(in_process, "make_engine", make)
    return count


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    file = tmp_path / "talk.wav"
    file.write_bytes(tone(3.0))
    return file


def test_threads_that_wait_are_told(opened: Semaphore, talk: Path) -> None:
    """Those whose recording is in work, and those that wait for their turn."""
    model = Transcriber("tiny", voice_encoder="none", at_once=AT_ONCE)
    told: list[BaseException | Outcome] = []

    def noted(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:
            told.append(error)

    def many() -> None:
        told.extend(model.transcribe_all([talk] * 3, prompt=ENDLESS))

    one = partial(model.transcribe, talk, prompt=ENDLESS)
    threads = [Thread(target=noted, args=(work,), daemon=True) for work in (one, one, one, many)]
    for thread in threads:
        thread.start()
    for _ in range(AT_ONCE):
        assert opened.acquire(timeout=PATIENCE)
    model.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert [(type(error), "closed" in str(error)) for error in told] == [(RuntimeError, True)] * 4
    with pytest.raises(RuntimeError, match="closed"):
        one()


def test_whoever_asks_while_it_closes_is_told_whichever_comes_first(opened: Semaphore, talk: Path) -> None:
    model = Transcriber("tiny", voice_encoder="none")
    told: list[str] = []

    def ask() -> None:
        while True:
            try:
                model.transcribe(b"no recording")
            except RuntimeError as error:
                told.append(str(error))
                return
            except Exception:
                started.release()

    started = Semaphore(0)
    threads = [Thread(target=ask, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert started.acquire(timeout=PATIENCE)
    model.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert [("closed" in text) for text in told] == [True] * 3


def test_tasks_that_wait_are_told(opened: Semaphore, talk: Path) -> None:
    async def left() -> list[BaseException]:
        async with AsyncTranscriber("tiny", voice_encoder="none", at_once=AT_ONCE) as model:
            tasks = [asyncio.create_task(model.transcribe(talk, prompt=ENDLESS)) for _ in range(3)]
            gone = asyncio.create_task(model.transcribe(talk, prompt=ENDLESS))
            assert await asyncio.to_thread(opened.acquire, timeout=PATIENCE)
            gone.cancel()
        async with asyncio.timeout(PATIENCE):
            told = await asyncio.gather(*tasks, gone, return_exceptions=True)
        return [error for error in told if isinstance(error, BaseException)]

    *told, gone = asyncio.run(left())
    assert [(type(error), "closed" in str(error)) for error in told] == [(RuntimeError, True)] * 3
    assert isinstance(gone, asyncio.CancelledError), "who cancels is told that"
