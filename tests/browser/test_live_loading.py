"""Captions are asked for before there is a model, and stopped before all words came."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.live import open_live, start, stop, wait_for
from tests.support.counting import Counting
from tests.support.scripted_server import RunningServer, running_server
from tests.support.speaking_runner import load_when_it_exists

ATTEMPTS = 3
"""To begin a session, behind the first: by the waits between them, more than a second of the sample is there then."""


@pytest.fixture
def loaded(tmp_path: Path) -> Path:
    """The server loads until this exists."""
    return tmp_path / "loaded"


@pytest.fixture
def loading(loaded: Path) -> Iterator[RunningServer]:
    factory = partial(load_when_it_exists, loaded)
    with running_server(factory, ready=False, transcribers=Counting().make) as server:
        yield server


def press_stop(page: Page) -> None:
    page.get_by_role("button", name="Stop").click()


def test_what_is_said_while_the_model_loads_is_heard_later(
    open_page: OpenPage, loading: RunningServer, loaded: Path
) -> None:
    page = open_live(open_page, server=loading.url)
    start(page, "Sample")
    wait_for(page, "loading")
    expect(page.get_by_role("alert").locator(".alert")).to_have_count(0)
    loaded.touch()
    expect(page.locator(".live-list li").first).to_contain_text("word 0.")
    stop(page)


def test_who_stopped_while_the_model_loads_gets_the_words_yet(
    open_page: OpenPage, loading: RunningServer, loaded: Path
) -> None:
    page = open_live(open_page, server=loading.url)
    start(page, "Sample")
    wait_for(page, "loading")
    for _ in range(ATTEMPTS):
        page.wait_for_event("request", lambda request: request.url.endswith("/client_secrets"))
    press_stop(page)
    loaded.touch()
    wait_for(page, "stopped")
    expect(page.locator(".live-list li").first).to_contain_text("word 0.")


def test_who_does_not_wait_for_the_last_words_stops_once_more(open_page: OpenPage) -> None:
    with running_server(transcribers=Counting(mute=True).make) as server:
        page = open_live(open_page, server=server.url)
        start(page, "Sample")
        expect(page.locator(".live-list li").first).to_be_visible()
        press_stop(page)
        wait_for(page, "finishing")
        press_stop(page)
        wait_for(page, "stopped")
