"""The server is restarted while somebody speaks, and killed: no word is lost, and none stands there twice."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.live import open_live, rows, start, state, stop, wait_for
from tests.support.processes import ServerProcess

HEARD = 2
"""Words between one mishap and the next."""


class CountingProcess(ServerProcess):
    """Live sessions hear a word in every second, and nothing has to be loaded.

    ``secret``: signs what sessions go on with.
    """

    def __init__(self, *, log: Path) -> None:
        super().__init__(log=log)
        self.secret = "the secret of one server"

    def start(self) -> None:
        module = ["-m", "tests.support.counting_process", "--model", "tiny", "--port", str(self.port)]
        self._command = [sys.executable, *module, "--resume-secret", self.secret, "--drain-seconds", "1"]
        super().start()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CountingProcess]:
    with CountingProcess(log=tmp_path_factory.mktemp("server") / "log") as server:
        server.wait_ready()
        yield server


def words(page: Page) -> list[int]:
    """The numbers of all words, as far as they are certain."""
    return [int(re.sub(r"\D", "", text)) for text in page.locator(".live-list .certain").all_text_contents()]


def wait_for_words(page: Page, count: int) -> None:
    page.wait_for_function("(count) => document.querySelectorAll('.live-list li').length >= count", arg=count)


def restart(server: CountingProcess) -> None:
    server.wait(60)
    server.start()
    server.wait_ready()


def test_no_word_is_lost(open_page: OpenPage, server: CountingProcess) -> None:
    page = open_live(open_page, server=server.url)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_label("Recording").select_option("long")
    start(page)
    wait_for_words(page, HEARD)

    server.terminate()  # it hands the session over
    wait_for(page, "lost")
    expect(state(page)).to_contain_text("The sound is kept")
    restart(server)
    wait_for(page, "listening.sample")
    wait_for_words(page, len(rows(page)) + HEARD)
    heard = words(page)
    assert heard == list(range(len(heard)))

    server.kill()
    wait_for(page, "lost")
    server.secret = "the secret of another"  # nobody takes the session over: what is not settled is said in a new one
    restart(server)
    before = len(rows(page))
    wait_for(page, "listening.sample")
    wait_for_words(page, before + HEARD)
    stop(page)
    times = page.locator(".live-list time").all_text_contents()
    assert [int(minutes) * 60 + int(seconds) for minutes, seconds in (time.split(":") for time in times)] == list(
        range(len(times))
    ), "a word in every second"
    heard = words(page)
    renewed = heard.index(0, 1)
    assert heard == [*range(renewed), *range(len(heard) - renewed)]
    speakers = page.locator(".live-list li").evaluate_all("(rows) => rows.map((row) => row.dataset.speaker)")
    assert {speaker[1:] for speaker in speakers[:renewed]} == {""}
    assert {speaker[1:] for speaker in speakers[renewed:]} == {"2"}, "nobody knows whether they are the same people"


def test_who_stopped_is_not_connected_again(open_page: OpenPage, server: CountingProcess) -> None:
    page = open_live(open_page, server=server.url)
    page.clock.install()
    start(page, "Sample")
    wait_for_words(page, 1)
    server.kill()
    wait_for(page, "lost")
    page.get_by_role("button", name="Stop").click()
    wait_for(page, "finishing")
    page.clock.fast_forward(60_000)  # the last words are not waited for any longer
    wait_for(page, "stopped")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward(60_000)
    page.clock.fast_forward(60_000)
    assert not asked
    server.wait(60)
