"""Whatever keeps captions from coming is said in words that tell what helps, and stays until it is put away."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.sync.client import connect

from tests.browser.conftest import Launch, OpenPage
from tests.browser.live import open_live, start, stop, wait_for
from tests.support.counting import Counting
from tests.support.scripted_server import RunningServer, running_server

KEY = "a key of the browser's tests"
FOREIGN = "captions.test"
NO_SOUND = """() => {
  navigator.mediaDevices.getDisplayMedia = async () => document.createElement("canvas").captureStream();
}"""
NEVER = """() => {
  AudioContext.prototype.resume = () => new Promise(() => {});
  const real = window.setTimeout;
  window.setTimeout = (call, milliseconds) => {
    window.patient ||= milliseconds >= 10000;
    return real(call, milliseconds);
  };
}"""
"""``window.patient``: a start is waited for, but not for ever."""
NO_WEBSOCKETS = """() => {
  const Real = window.WebSocket;
  window.WebSocket = class extends Real {
    constructor(url, protocols) { super(url.replace("/v1/realtime", "/nowhere"), protocols); }
  };
}"""
"""As behind a proxy that knows none."""


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """No keys, and a place for one session."""
    with running_server(transcribers=Counting().make, max_live_sessions=1, allowed_hosts=(FOREIGN,)) as running:
        yield running


@pytest.fixture(scope="module")
def with_devices(launch: Launch) -> Browser:
    """A browser with a microphone, which no page may use unless a test says so."""
    return launch("--use-fake-device-for-media-stream", f"--host-resolver-rules=MAP {FOREIGN} 127.0.0.1")


def complaint(page: Page, words: str) -> None:
    """One of these words is shown as an alert, is put away by its button, and one can start again."""
    alert = page.get_by_role("alert").locator(".alert")
    expect(alert).to_have_count(1)
    expect(alert).to_contain_text(re.compile(words))
    alert.get_by_role("button").click()
    expect(alert).to_have_count(0)
    wait_for(page, "ready")
    expect(page.get_by_role("button", name="Start")).to_be_enabled()


def test_the_microphone_is_not_allowed(open_page: OpenPage, with_devices: Browser, server: RunningServer) -> None:
    page = open_live(open_page, browser=with_devices, server=server.url, permissions=[])
    start(page)
    complaint(page, "may not use the microphone")


def test_there_is_no_microphone(open_page: OpenPage, server: RunningServer) -> None:
    page = open_live(open_page, server=server.url, permissions=["microphone"])
    start(page)
    complaint(page, "There is no microphone")


def test_the_browser_never_begins_to_hear(open_page: OpenPage, with_devices: Browser, server: RunningServer) -> None:
    """As Firefox where there is nothing to play on."""
    page = open_live(open_page, browser=with_devices, server=server.url, permissions=["microphone"])
    page.clock.install()
    page.evaluate(NEVER)
    start(page)
    page.wait_for_function("() => window.patient")
    page.clock.run_for(10_000)
    complaint(page, "connect loudspeakers or headphones")


def test_what_is_shared_has_no_sound(open_page: OpenPage, server: RunningServer) -> None:
    page = open_live(open_page, server=server.url)
    page.evaluate(NO_SOUND)
    start(page, "Sound of a tab")
    complaint(page, "has no sound.*Share tab audio")


def test_the_sound_of_a_tab(open_page: OpenPage, launch: Launch, server: RunningServer) -> None:
    """What a browser shares that asks nobody: a screen, and beeps."""
    browser = launch("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    page = open_live(open_page, server=server.url, browser=browser)
    start(page, "Sound of a tab")
    wait_for(page, "listening.tab")
    expect(page.locator(".live-list li").first).to_be_visible()
    stop(page)


def test_all_places_are_taken(open_page: OpenPage, server: RunningServer) -> None:
    page = open_live(open_page, server=server.url)
    with connect(server.url.replace("http", "ws", 1) + "/v1/realtime", proxy=None, open_timeout=60):
        start(page, "Sample")
        complaint(page, r"places for live sessions are taken.*Try again in \d+ s")
    server.wait_for(lambda: server.service.live.active == 0, "the place is given back")
    start(page)
    expect(page.locator(".live-list li").first).to_be_visible()
    stop(page)


def test_a_proxy_passes_no_websockets(open_page: OpenPage, server: RunningServer) -> None:
    page = open_live(open_page, server=server.url)
    page.evaluate(NO_WEBSOCKETS)
    start(page, "Sample")
    complaint(page, "a proxy on the way has to pass WebSockets")


def test_an_insecure_origin_has_no_microphone(
    open_page: OpenPage, with_devices: Browser, server: RunningServer
) -> None:
    """The cure stands there for as long as the page is open, and the sample can be heard all the same."""
    url = server.url.replace("127.0.0.1", FOREIGN)
    page = open_live(open_page, browser=with_devices, server=url)
    port = url.rpartition(":")[2]
    expect(page.locator(".live-insecure")).to_contain_text(f"ssh -L {port}:localhost:{port} {FOREIGN}")
    expect(page.get_by_role("radio", name="Microphone")).to_be_disabled()
    expect(page.get_by_role("radio", name="Sound of a tab")).to_be_disabled()
    start(page)
    expect(page.locator(".live-list li").first).to_be_visible()
    stop(page)


def test_a_server_with_keys_asks_for_one(open_page: OpenPage) -> None:
    with running_server(transcribers=Counting().make, api_keys=(KEY,)) as server:
        page = open_live(open_page, server=server.url)
        page.get_by_role("button", name="Cancel").click()  # the page asks at once
        start(page, "Sample")
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("API key").fill(KEY)
        with page.expect_request("**/v1/realtime/client_secrets") as asked:
            page.keyboard.press("Enter")
        assert asked.value.post_data_json == {"expires_after": {"anchor": "created_at", "seconds": 60}}
        wait_for(page, "listening.sample")
        expect(page.locator(".live-list li").first).to_be_visible()
        stop(page)
