"""A file that is opened beside the event loop is somebody's, or closed."""

from __future__ import annotations

import asyncio
from pathlib import Path
from threading import Event
from typing import BinaryIO

import pytest

from server.opening import open_in_thread


async def test_it_is_the_callers(tmp_path: Path) -> None:
    with await open_in_thread(lambda: (tmp_path / "talk.wav").open("wb")) as file:
        assert file.write(b"RIFF") == 4
    with pytest.raises(FileNotFoundError):
        await open_in_thread(lambda: (tmp_path / "none.wav").open("rb"))


async def test_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    entered, go_on, files = Event(), Event(), list[BinaryIO]()

    def slowly() -> BinaryIO:
        entered.set()
        assert go_on.wait(30)
        files.append((tmp_path / "talk.wav").open("wb"))
        return files[0]

    task = asyncio.create_task(open_in_thread(slowly))
    await asyncio.to_thread(entered.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    await asyncio.sleep(0)
    assert files[0].closed


async def test_nobody_waits_for_what_cannot_be_opened() -> None:
    entered, go_on = Event(), Event()

    def fails() -> BinaryIO:
        entered.set()
        assert go_on.wait(30)
        raise OSError("gone")

    task = asyncio.create_task(open_in_thread(fails))
    await asyncio.to_thread(entered.wait, 30)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    await asyncio.get_running_loop().shutdown_default_executor()
