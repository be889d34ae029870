"""The screen stays on while somebody is heard, and captions fill it where that is asked for."""

from __future__ import annotations

from datetime import datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.live import ScriptedSocket, keep_said, open_live, start, wait_for

LOCKS = """() => {
  window.locks = [];
  const request = async (kind) => {
    const lock = { kind, released: false, release: async () => { lock.released = true; } };
    window.locks.push(lock);
    return lock;
  };
  Object.defineProperty(navigator, "wakeLock", { value: { request } });
}"""
"""In place of the browser's own, which no test can ask whether the screen is on."""

NOON = datetime(2026, 1, 1, 12)


def locks(page: Page) -> list[list[object]]:
    """Each that was asked for: of what, and whether it was given back."""
    asked: list[list[object]] = page.evaluate("window.locks.map(({ kind, released }) => [kind, released])")
    return asked


def test_the_screen_stays_on_while_somebody_is_heard(open_page: OpenPage) -> None:
    page = open_live(open_page)
    page.evaluate(LOCKS)
    socket = ScriptedSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    assert locks(page) == [["screen", False]]
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # back from another tab: it was taken away
    assert locks(page)[1:] == [["screen", False]]
    page.get_by_role("button", name="Stop").click()
    page.wait_for_function("() => window.locks.at(-1).released")
    socket.closes(0, "Good morning.")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    assert len(locks(page)) == 2, "nobody is heard any more"


def test_the_browser_has_the_lock_that_the_page_asks_for(open_page: OpenPage) -> None:
    page = open_live(open_page, permissions=["screen-wake-lock"])
    assert page.evaluate("async () => (await navigator.wakeLock.request('screen')).released") is False


def test_captions_fill_the_screen_and_leave_it(open_page: OpenPage) -> None:
    page = open_live(open_page)
    keep_said(page)
    page.clock.install(time=NOON)
    page.clock.pause_at(NOON + timedelta(minutes=1))  # nor do the tools go while the test is slow
    page.get_by_role("button", name="Large captions").click()
    fill = page.get_by_role("button", name="Full screen")
    fill.click()
    page.wait_for_function("() => document.fullscreenElement?.classList.contains('screen')")
    expect(page.locator(".captions .stage")).to_contain_text("Good morning")
    fill.click()
    page.wait_for_function("() => document.fullscreenElement === null")
    fill.click()
    page.wait_for_function("() => document.fullscreenElement !== null")
    page.get_by_role("button", name="Close").click()
    page.wait_for_function("() => document.fullscreenElement === null")
    expect(page.get_by_role("dialog")).to_have_count(0)
