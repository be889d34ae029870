"""WebKit as distributions have it, in its smallest browser, driven over WebDriver."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.browser.others.visitor import LOOK, PATIENCE, whole
from tests.support.processes import free_port
from tests.support.tools import missing, tool

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""By which WebDriver's answers name an element."""
_IN_SIGHT = """
const found = [...document.querySelectorAll(arguments[0])].find((each) => each.checkVisibility());
found?.scrollIntoView({ block: "center", behavior: "instant" });
return found;
"""


class WebKitVisitor:
    """See Visitor. ``session``: at the driver. ``home``: of the browser."""

    def __init__(self, session: httpx.Client, home: Path) -> None:
        self._session = session
        self._home = home

    def open(self, url: str) -> None:
        self._ask("/url", url=url)

    def reload(self) -> None:
        self._ask("/refresh")

    def sees(self, script: str) -> Any:
        return self._ask("/execute/sync", script=f"return ({script})", args=[])

    def waits_for(self, condition: str) -> None:
        until = time.monotonic() + PATIENCE
        while not self.sees(condition):
            assert time.monotonic() < until, f"{condition}\n{self.sees('document.body.innerText')}"
            time.sleep(LOOK)

    def clicks(self, css: str) -> None:
        until = time.monotonic() + PATIENCE
        while True:
            element = self._ask("/execute/sync", script=_IN_SIGHT, args=[css])
            answer = element and self._session.post(f"/element/{element[_ELEMENT]}/click", json={})
            if answer and answer.is_success:
                return
            # It is not there yet, or the page still moves.
            assert time.monotonic() < until, f"{css}: {answer and answer.text}\n{self.sees('document.body.innerText')}"
            time.sleep(LOOK)

    def chooses(self, css: str, file: Path) -> None:
        element = self._ask("/element", using="css selector", value=css)
        self._ask(f"/element/{element[_ELEMENT]}/value", text=str(file))

    def saved(self, name: str) -> bytes:
        return whole(self._home, name)  # no desktop has named another folder

    def _ask(self, path: str, **fields: object) -> Any:
        answer = self._session.post(path, json=fields)
        value = answer.json()["value"]
        assert answer.is_success, value
        return value


@contextmanager
def webkit(folder: Path, environment: Mapping[str, str]) -> Iterator[WebKitVisitor]:
    """``folder``: an empty one, where the browser is at home. ``environment``: that it has besides.

    A browser that is driven gives the microphone without a question.
    """
    driver, screen = tool("WebKitWebDriver", "webkit2gtk-driver"), tool("Xvfb", "xvfb")
    browsers = sorted(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"))
    if not browsers:
        missing("WebKit's MiniBrowser is not installed (webkit2gtk-driver brings it)")
    with ExitStack() as stack:
        display = stack.enter_context(_screen(screen))
        port = free_port()
        at_home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
        surroundings = os.environ | at_home | {"DISPLAY": display, "LANG": "en_US.UTF-8"} | dict(environment)
        process = stack.enter_context(_running([driver, f"--port={port}"], surroundings, folder))
        session = stack.enter_context(_session(f"http://127.0.0.1:{port}", browsers[-1], process))
        yield WebKitVisitor(session, folder)


@contextmanager
def _screen(command: str) -> Iterator[str]:
    """A display that nobody looks at."""
    read, write = os.pipe()
    with (
        os.fdopen(read) as number,
        subprocess.Popen(
            [command, "-displayfd", str(write), "-screen", "0", "1280x900x24"], pass_fds=[write]
        ) as process,
    ):
        os.close(write)
        try:
            yield f":{number.readline().strip()}"
        finally:
            process.terminate()


@contextmanager
def _running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (folder / "log").open("wb") as log, subprocess.Popen(command, env=environment, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


@contextmanager
def _session(url: str, browser: Path, driver: subprocess.Popen[bytes]) -> Iterator[httpx.Client]:
    options = {"binary": str(browser), "args": ["--automation"]}
    wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
    with httpx.Client(transport=httpx.HTTPTransport(retries=10), timeout=PATIENCE) as client:
        assert driver.poll() is None
        session = client.post(f"{url}/session", json=wanted).raise_for_status().json()["value"]["sessionId"]
        with httpx.Client(base_url=f"{url}/session/{session}", timeout=PATIENCE) as in_session:
            try:
                yield in_session
            finally:
                client.delete(f"{url}/session/{session}")
