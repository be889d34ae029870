"""The microphone: recorded into a file, of which a reload takes nothing, and missed in words."""

from __future__ import annotations

from typing import Any

import pytest
import soundfile  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Launch, OpenPage
from tests.browser.recordings import SAID, SHORT, distinct, finished, row, said
from tests.support.scripted_server import running_server

KEPT = """async (count) => {
  const store = await import("/web/js/store.js");
  return (await store.all("pieces")).length >= count;
}"""
"""So many pieces of what is recorded are in the browser's database."""
HEARD: dict[str, Any] = {"permissions": ["microphone"], "locale": "en"}


@pytest.fixture(scope="module")
def talking(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser in front of whose microphone somebody says a sample over and over."""
    samples, rate = soundfile.read(SHORT, dtype="int16")
    said = tmp_path_factory.mktemp("said") / "short.wav"
    soundfile.write(said, samples, rate)
    return launch("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={said}")


def record(page: Page, seconds: int) -> None:
    """At least so long."""
    page.get_by_role("button", name="Record", exact=True).click()
    reached = "(clock) => document.querySelector('.recording-now .clock')?.textContent >= clock"
    page.wait_for_function(reached, arg=f"0:0{seconds}")


def test_what_was_recorded_is_transcribed(open_page: OpenPage, talking: Browser) -> None:
    page = open_page(browser=talking, **HEARD)
    record(page, 4)
    page.wait_for_function("() => document.querySelector('meter').value > 0.05")  # somebody is heard
    page.get_by_role("button", name="Stop", exact=True).click()
    done = finished(page, "Recording ")
    expect(done).to_contain_text("0:0")
    expect(said(page).filter(has_text=distinct(SAID[SHORT][0], SHORT)[0])).not_to_have_count(0)
    expect(page.get_by_role("button", name="Play", exact=True)).to_be_visible()
    page.reload()
    expect(row(page, "Recording ")).to_have_attribute("data-state", "done")
    expect(page.locator(".lost .notice")).to_have_count(0)


def test_a_reload_in_the_middle_takes_nothing(open_page: OpenPage, talking: Browser) -> None:
    page = open_page(browser=talking, **HEARD)
    record(page, 3)
    page.wait_for_function(KEPT, arg=2)  # a second each
    page.reload()
    offer = page.locator(".lost .notice")
    expect(offer).to_contain_text("The page was closed while it recorded.")
    offer.get_by_role("button", name="Keep and transcribe").click()
    finished(page, "Recording ")
    expect(said(page)).not_to_have_count(0)
    page.reload()
    expect(row(page, "Recording ")).to_be_visible()
    expect(page.locator(".lost .notice")).to_have_count(0)


def test_who_says_no_is_told_how_to_say_yes(open_page: OpenPage, talking: Browser) -> None:
    page = open_page(browser=talking, locale="en")
    page.get_by_role("button", name="Record", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("does not let this page use the microphone")


def test_over_plain_http_the_cure_is_named(open_page: OpenPage, launch: Launch) -> None:
    with running_server(allowed_hosts="in.test") as server:
        elsewhere = launch("--host-resolver-rules=MAP in.test 127.0.0.1")
        port = server.url.rpartition(":")[2]
        page = open_page(server=f"http://in.test:{port}", browser=elsewhere, locale="en")
        page.get_by_role("button", name="Record", exact=True).click()
        told = page.get_by_role("alert")
        expect(told).to_contain_text(f"this one came over plain HTTP from http://in.test:{port}")
        expect(told).to_contain_text(f"http://localhost:{port}")
        page.set_input_files("#files", SHORT)  # everything else goes on
        finished(page, SHORT.name)
