"""The page in a real browser: Debian's Chromium, driven by Playwright, in front of a real server.

Everything is closed again behind each file: Playwright keeps an event loop in the thread that it was started in, and no
other can run there meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, expect, sync_playwright

from tests.support.processes import ServerProcess
from tests.support.tools import missing, tool

HERE = Path(__file__).parent
PATIENCE = 60.0
"""Seconds that something may take to be seen, on a busy machine; nothing waits for as long where all is well."""
AXE = HERE / "node_modules" / "axe-core" / "axe.min.js"
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_SERIOUS = {"serious", "critical"}
_LOCAL = ("data:", "blob:", "about:", "chrome-error:")

Launch = Callable[..., Browser]
Axe = Callable[..., None]


class OpenPage(Protocol):
    """Opens a page of the server in a context of its own, which is closed with the test.

    ``path``: below ``server``, or a whole address. ``browser``: another one than the one that all tests share.
    ``options``: of the context, as Playwright has them: ``viewport``, ``color_scheme``, ``locale``, ...

    What a test waits for with ``wait_for_function`` has to be a function: expressions are forbidden by the page's
    policy from the second look on, and are true at the first one or never.

    The test fails where a script of the page fails, where the page's policy forbids something it does, and where it
    asks for anything of another host.
    """

    def __call__(
        self, path: str = "/", *, server: str | None = None, browser: Browser | None = None, **options: Any
    ) -> Page: ...


@pytest.fixture(scope="session")
def browser_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server with the bundled checkpoint, without keys and with jobs."""
    folder = tmp_path_factory.mktemp("browser")
    with ServerProcess("--jobs-folder", str(folder / "jobs"), log=folder / "log") as server:
        server.wait_ready()
        yield server


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=1000 * PATIENCE)
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def launch(playwright: Playwright) -> Iterator[Launch]:
    """Starts a browser with more ``arguments``, for as long as browser tests run."""
    chromium = tool("chromium", "chromium")
    with ExitStack() as stack:

        def launch(*arguments: str) -> Browser:
            launched = playwright.chromium.launch(executable_path=chromium, args=list(arguments))
            return stack.enter_context(launched)

        yield launch


@pytest.fixture(scope="module")
def shared_browser(launch: Launch) -> Browser:
    return launch()


@pytest.fixture
def open_page(request: pytest.FixtureRequest, shared_browser: Browser) -> Iterator[OpenPage]:
    faults: list[str] = []
    with ExitStack() as stack:

        def open_page(
            path: str = "/", *, server: str | None = None, browser: Browser | None = None, **options: Any
        ) -> Page:
            url = server or request.getfixturevalue("browser_server").url
            context = stack.enter_context((browser or shared_browser).new_context(**options))
            context.set_default_timeout(1000 * PATIENCE)
            page = context.new_page()
            watch(page, url, faults)
            page.goto(path if "://" in path else url + path)
            return page

        yield open_page
    assert not faults, faults


@pytest.fixture
def axe() -> Axe:
    """``axe(page)`` fails where axe-core finds something serious in what the page shows now."""
    if not AXE.is_file():
        missing("axe-core is not installed (npm ci --prefix tests/browser)")
    script = AXE.read_text()

    def axe(page: Page, within: str = "html") -> None:
        page.evaluate(script)  # unlike a script element, the page's policy allows this
        found = page.evaluate(
            "([within, rules]) => axe.run(within, {runOnly: rules, resultTypes: ['violations'], preload: false})",
            [within, _RULES],
        )
        serious = [
            f"{fault['id']}: {fault['help']}: {json.dumps([node['html'] for node in fault['nodes']])}"
            for fault in found["violations"]
            if fault["impact"] in _SERIOUS
        ]
        assert not serious, "\n".join(serious)

    return axe


def watch(page: Page, url: str, faults: list[str]) -> None:
    """Note in ``faults`` what goes wrong in the page, and what it asks of others than the server at ``url``."""
    own = (url, url.replace("http", "ws", 1), *_LOCAL)

    def asked(request: Request) -> None:
        if not request.url.startswith(own):
            faults.append(f"asked another host: {request.url}")

    def told(message: ConsoleMessage) -> None:
        if not message.location["url"]:
            return  # what a test runs in the page by itself, as axe-core, which tries styles
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(f"{error.name}: {error.message}\n{error.stack}"))
    page.on("request", asked)
    page.on("websocket", lambda socket: None if socket.url.startswith(own) else faults.append(socket.url))
    page.on("console", told)
