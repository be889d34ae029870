"""The GPU bench plays the live sessions that the server has."""

from __future__ import annotations

from bench.gpu.live import UPDATE, WINDOW
from server.live.settings import LiveSettings


def test_windows_and_updates_are_the_servers() -> None:
    assert (LiveSettings().window, LiveSettings().update) == (WINDOW, UPDATE)
