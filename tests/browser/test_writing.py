"""Scripts that run from right to left, and those that are written by way of an input method."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import OpenPage
from tests.browser.recordings import SHORT, finished, said, upload

LINES = ["Good morning.", "مرحبا بكم، أنا من برلين!", "早上好。"]
EDGES = """(said) => {
  const range = document.createRange();
  range.selectNodeContents(said);
  const [outer, inner] = [said.getBoundingClientRect(), range.getBoundingClientRect()];
  return [inner.left - outer.left, outer.right - inner.right];
}"""
"""Room beside the words, left and right."""
LANES = """(timeline) => [
  timeline.querySelector("canvas").getBoundingClientRect().bottom,
  ...[...timeline.querySelectorAll(".badge")].map((badge) => badge.getBoundingClientRect().top)]"""
"""Where the lanes end, and where the badges begin."""
COMPOSED = """(field, key) => field.dispatchEvent(
  new KeyboardEvent("keydown", { key, isComposing: true, bubbles: true, cancelable: true }))"""


def answered(route: Route, speakers: Sequence[str]) -> None:
    """A segment of each of them, and one line after the other."""
    events: list[dict[str, object]] = [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{place}",
            "start": 2.0 * place,
            "end": 2.0 * place + 1.5,
            "text": LINES[place % len(LINES)],
            "speaker": speaker,
        }
        for place, speaker in enumerate(speakers)
    ]
    events.append({"type": "transcript.text.done", "text": "", "duration": 2.0 * len(speakers)})
    stream = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    route.fulfill(status=200, headers={"content-type": "text/event-stream"}, body=stream)


@pytest.fixture
def talk(open_page: OpenPage) -> Page:
    """Eight people, in three scripts."""
    page = open_page(locale="en")
    page.route("**/v1/audio/transcriptions", lambda route: answered(route, "ABCDEFGH"))
    upload(page, SHORT)
    finished(page, SHORT.name)
    return page


def test_arabic_begins_at_the_right(talk: Page) -> None:
    """With the marks at its end at the left, as it is read."""
    expect(said(talk)).to_have_count(8)
    lefts, rights = zip(*(said(talk).nth(place).evaluate(EDGES) for place in range(2)), strict=True)
    assert lefts[0] < rights[0]
    assert lefts[1] > rights[1]
    talk.get_by_role("button", name="Correct what was said at 0:02").click()
    field = talk.get_by_role("textbox", name="What was said")
    assert field.evaluate("(field) => getComputedStyle(field).direction") == "rtl"


def test_keys_of_an_input_method_are_its_own(talk: Page) -> None:
    talk.get_by_role("button", name="Correct what was said at 0:04").click()
    field = talk.get_by_role("textbox", name="What was said")
    field.fill("早上")
    for key in ("Enter", "Escape"):
        field.evaluate(COMPOSED, key)
        expect(field).to_have_value("早上")
    field.press("Enter")
    expect(said(talk).nth(2)).to_have_text("早上")


def test_each_of_many_stands_beside_the_own_lane(talk: Page) -> None:
    bottom, *places = talk.locator(".timeline").evaluate(LANES)
    assert len(places) == 8
    assert [round(bottom - place) for place in places] == [20 + 22 * lane for lane in range(7, -1, -1)]
