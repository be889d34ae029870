"""Firefox as distributions have it, driven by Playwright over WebDriver BiDi."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.others.visitor import PATIENCE, whole
from tests.support.processes import ROOT
from tests.support.tools import tool


class FirefoxVisitor:
    """See Visitor."""

    def __init__(self, page: Page, downloads: Path) -> None:
        self._page = page
        self._downloads = downloads
        page.set_default_timeout(1000 * PATIENCE)

    def open(self, url: str) -> None:
        self._page.goto(url)

    def reload(self) -> None:
        self._page.reload()

    def sees(self, script: str) -> Any:
        return self._page.evaluate(f"() => ({script})")

    def waits_for(self, condition: str) -> None:
        try:
            self._page.wait_for_function(f"() => ({condition})")  # as an expression, the policy forbids it
        except Exception as error:
            raise AssertionError(f"{condition}\n{self._page.inner_text('body')}") from error

    def clicks(self, css: str) -> None:
        self._page.locator(css).filter(visible=True).first.click()

    def chooses(self, css: str, file: Path) -> None:
        self._page.set_input_files(css, file)

    def saved(self, name: str) -> bytes:
        return whole(self._downloads, name)  # of downloads of a page Playwright does not hear here


_PREFERENCES: dict[str, str | float | bool] = {"media.navigator.permission.disabled": True}
"""The microphone is given without a question."""


@contextmanager
def firefox(folder: Path, environment: Mapping[str, str]) -> Iterator[FirefoxVisitor]:
    """``folder``: an empty one. ``environment``: that the browser has besides."""
    binary = tool("firefox-esr", "firefox-esr")
    start = folder / "firefox"
    start.write_text(
        f'#!/bin/sh\ncd "{ROOT}" && exec "{sys.executable}" -m tests.browser.others.relay "{binary}" "$@"\n'
    )
    start.chmod(0o755)
    with (
        sync_playwright() as playwright,
        playwright.firefox.launch(
            channel="moz-firefox",
            executable_path=start,
            downloads_path=folder,
            firefox_user_prefs=_PREFERENCES,
            env={**os.environ, **environment},
        ) as browser,
        browser.new_page(locale="en") as page,
    ):
        yield FirefoxVisitor(page, folder)
