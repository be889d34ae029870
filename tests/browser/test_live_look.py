"""How live captions look and are worked: text that does not jump, the keyboard alone, screen readers, contrast."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Axe, OpenPage
from tests.browser.live import FailingSocket, ScriptedSocket, keep_said, open_live, opened, rows, start, wait_for

LONG = "and then there are words enough to fill more than one line of any screen that somebody may have in a room"
PLACES = """() => Object.fromEntries([...document.querySelectorAll(".caption-line")].flatMap((line) => {
  const text = line.children[1].firstChild;
  const words = text ? [...text.textContent.matchAll(/\\S+/g)] : [];
  return words.map((word) => {
    const range = document.createRange();
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    const { left, top, bottom } = range.getBoundingClientRect();
    return [text.textContent.slice(0, word.index + word[0].length), [left, top, bottom]];
  });
}))"""
"""Where each certain word of the captions stands, by all that is said in its segment up to it."""
FRAME = """() => document.querySelector(".captions .lines").getBoundingClientRect().toJSON()"""
NOON = datetime(2030, 1, 1, 12)
WAITS = (0.25, 0.5, 1, 2, 3)
"""Seconds between one attempt and the next, a quarter more or less."""
VARIANTS: dict[str, dict[str, Any]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_serious_is_found(open_page: OpenPage, axe: Axe, variant: str) -> None:
    page = open_live(open_page, **VARIANTS[variant])
    axe(page)
    keep_said(page)
    axe(page)
    socket = ScriptedSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    socket.supposes(opened(3, "And we have", " those of"))
    expect(page.locator(".tentative", has_text="those of")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Large captions").click()
    page.get_by_label("Words that may change").check()
    for colours in ("White on black", "Yellow on black", "Black on white"):
        page.get_by_label("Colours").select_option(colours)
        axe(page, ".captions")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Speaker B").first.click()
    axe(page, "dialog[open]")


@pytest.mark.parametrize("width", [320, 390])
def test_nobody_has_to_scroll_sideways(open_page: OpenPage, width: int) -> None:
    page = open_live(open_page, viewport={"width": width, "height": 640})
    fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
    assert page.evaluate(fits)
    keep_said(page)
    assert page.evaluate(fits)
    page.get_by_role("button", name="Large captions").click()
    assert page.evaluate("document.querySelector('.screen').scrollWidth <= innerWidth")


def test_words_of_captions_move_by_whole_lines_alone(open_page: OpenPage) -> None:
    page = open_live(open_page, reduced_motion="reduce", viewport={"width": 1280, "height": 720})
    socket = ScriptedSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    page.get_by_role("button", name="Large captions").click()
    assert page.evaluate("getComputedStyle(document.querySelector('.roll')).transitionDuration") == "0s"
    frame = page.evaluate(FRAME)
    line = frame["height"] / 3
    before: dict[str, list[float]] = {}
    for number, speaker in enumerate("ABABABAB"):
        said = [f"{number}:", *(LONG.split() if speaker == "B" else LONG.split()[:4])]
        for count in range(2, len(said) + 1, 3):
            socket.supposes(opened(number, " ".join(said[:count]), " guess" * (count % 2), speaker))
            page.wait_for_function(
                "(text) => [...document.querySelectorAll('.caption-line')].at(-1).textContent.endsWith(text)",
                arg=said[count - 1],
            )
            after: dict[str, list[float]] = page.evaluate(PLACES)
            rolled = {round((before[word][1] - after[word][1]) / line, 2) for word in before.keys() & after.keys()}
            assert len(rolled) <= 1, "all words move together"
            assert all(lines >= 0 and math.isclose(lines, round(lines), abs_tol=0.02) for lines in rolled), rolled
            assert all(before[word][0] == after[word][0] for word in before.keys() & after.keys())
            newest = max(place[2] for place in after.values())
            assert newest <= frame["bottom"] + 1, "the newest word is seen"
            before = after
        socket.closes(number, " ".join(said), speaker)
        socket.supposes()
    names = page.locator(".caption-line b").all_text_contents()
    assert names[:2] == ["Speaker A: ", "Speaker B: "], "who speaks is written, not told by colour alone"


def test_words_that_may_change_are_left_out_of_captions(open_page: OpenPage) -> None:
    page = open_live(open_page)
    socket = ScriptedSocket(page)
    page.get_by_text("Names and words that may be said").first.click()
    page.get_by_role("textbox", name="Names and words that may be said").fill("Lake Constance, Ada")
    start(page, "Sample")
    wait_for(page, "listening.sample")
    page.get_by_role("button", name="Large captions").click()
    socket.supposes(opened(0, "Certain", " guess"))
    stage = page.locator(".captions .stage")
    expect(stage).to_contain_text("Certain")
    assert socket.session["audio"]["input"]["transcription"]["keywords"] == ["Lake Constance", "Ada"]
    expect(stage).not_to_contain_text("guess")
    page.get_by_label("Words that may change").check()
    expect(stage).to_contain_text("Certain guess")
    with page.context.expect_page() as opening:
        page.get_by_role("button", name="Own window").click()
    window = opening.value
    expect(page.get_by_role("dialog")).to_have_count(0)
    socket.supposes(opened(0, "Certain words", ""))
    expect(window.locator(".stage")).to_have_text("Speaker A: Certain words")
    assert window.evaluate("getComputedStyle(document.querySelector('.stage')).backgroundColor") == "rgb(0, 0, 0)"
    window.close()
    page.reload()
    page.get_by_role("button", name="Large captions").click()
    expect(page.get_by_label("Words that may change")).to_be_checked()


def test_the_keyboard_alone(open_page: OpenPage) -> None:
    page = open_live(open_page)
    socket = ScriptedSocket(page)
    _tab_to(page, "Microphone")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="Sample")).to_be_checked()
    _tab_to(page, "Start")
    page.keyboard.press("Enter")
    wait_for(page, "listening.sample")
    socket.closes(0, "Good morning.")
    _tab_to(page, "Large captions")
    page.keyboard.press("Enter")
    expect(page.locator("dialog.captions")).to_be_visible()
    _tab_to(page, "Larger letters")
    before = page.locator(".caption-line").bounding_box()
    page.keyboard.press("Space")
    after = page.locator(".caption-line").bounding_box()
    assert before
    assert after
    assert after["height"] > before["height"]
    page.keyboard.press("Escape")
    assert _focused(page) == "Large captions", "one is where one was"
    _tab_to(page, "Rename Speaker A")
    page.keyboard.press("Enter")
    page.keyboard.type("Ada")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Rename Ada", exact=True)).to_be_visible()
    page.keyboard.press("Shift+Tab")
    _tab_to(page, "Stop")


def _focused(page: Page) -> str:
    named: str = page.evaluate(
        """() => {
          const { ariaLabel, labels, childNodes } = document.activeElement;
          const text = [...childNodes].filter((node) => node.ariaHidden !== "true").map((node) => node.textContent);
          return (ariaLabel || labels?.[0]?.textContent || text.join("")).trim();
        }"""
    )
    return named


def _tab_to(page: Page, name: str) -> None:
    for _ in range(60):
        if _focused(page) == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard does not lead to {name}")


def test_a_screen_reader_hears_finished_segments_where_it_is_asked_for(open_page: OpenPage) -> None:
    page = open_live(open_page)
    socket = ScriptedSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    socket.closes(0, "Nobody asked.")
    expect(page.locator(".live-list .text")).to_have_text(["Nobody asked."])
    expect(page.get_by_role("log")).to_have_count(0)
    page.get_by_label("Read finished sentences").check()
    log = page.get_by_role("log")
    for number in range(1, 6):
        socket.supposes(opened(number, "Sentence", " guess"))
        socket.closes(number, f"Sentence {number}.", "B")
    expect(log.locator("p")).to_have_text([f"Speaker B: Sentence {number}." for number in (3, 4, 5)])
    page.get_by_label("Read finished sentences").uncheck()
    expect(page.get_by_role("log")).to_have_count(0)


def test_who_reads_back_is_left_there(open_page: OpenPage) -> None:
    page = open_live(open_page)
    socket = ScriptedSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    for number in range(30):
        socket.closes(number, f"{number} {LONG}", "AB"[number % 2])
    region = page.get_by_role("region", name="What is said")
    top = "(region) => region.scrollTop"
    expect(page.locator(".live-list li")).to_have_count(30)
    assert region.evaluate("(region) => region.scrollTop + region.clientHeight >= region.scrollHeight - 1")
    region.evaluate("(region) => region.scrollTo(0, 100)")
    newest = page.get_by_role("button", name="To the newest words")
    expect(newest).to_be_visible()
    socket.closes(30, LONG)
    expect(page.locator(".live-list li")).to_have_count(31)
    assert region.evaluate(top) == 100
    newest.click()
    expect(newest).to_be_hidden()
    assert region.evaluate("(region) => region.scrollTop + region.clientHeight >= region.scrollHeight - 1")


def test_a_session_that_the_server_cannot_go_on_with_is_followed_by_another(open_page: OpenPage) -> None:
    page = open_live(open_page)
    keep_said(page)
    socket = FailingSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    assert socket.failures == 3
    socket.closes(0, "Here again.")
    expect(page.locator(".live-list li").last).to_have_attribute("data-speaker", "A2")
    assert rows(page)[-1] == "Here again."


def test_a_connection_that_was_well_is_back_soon(open_page: OpenPage) -> None:
    """Though nobody spoke on it; a server that takes connections and drops them is asked less and less often."""
    page = open_live(open_page)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_label("Recording").select_option("long")
    socket = ScriptedSocket(page)
    page.clock.install(time=NOON)
    page.clock.pause_at(NOON + timedelta(minutes=1))  # time passes where it is told to alone
    start(page)
    wait_for(page, "listening.sample")
    for usual in WAITS:
        _drop(page, socket)
        _connected_within(page, 1.25 * usual)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    _drop(page, socket)
    page.clock.run_for(round(700 * WAITS[-1]))
    assert not asked
    _connected_within(page, 0.55 * WAITS[-1])
    page.clock.run_for(round(1100 * WAITS[-1]))
    _drop(page, socket)
    _connected_within(page, 1.25 * WAITS[0])


def _drop(page: Page, socket: ScriptedSocket) -> None:
    socket.drops()
    wait_for(page, "lost")


def _connected_within(page: Page, seconds: float) -> None:
    with page.expect_request("**/v1/realtime/client_secrets"):
        page.clock.run_for(math.ceil(1000 * seconds))
    wait_for(page, "listening.sample")


def test_two_are_one_person_and_all_is_put_away(open_page: OpenPage) -> None:
    page = open_live(open_page)
    keep_said(page)
    page.get_by_role("button", name="Rename Speaker B", exact=True).click()
    page.get_by_label("Is the same person as").select_option(label="Speaker A")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".live-list li[data-speaker=A]")).to_have_count(3)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator(".live-list li")).to_have_count(0)
    assert page.evaluate("sessionStorage.live") is None


def test_another_language(open_page: OpenPage) -> None:
    page = open_live(open_page, locale="de-DE")
    expect(page.get_by_role("button", name="Start")).to_be_visible()
    keep_said(page)
    expect(page.locator(".live-state")).to_have_text("Bereit.")
    expect(page.locator(".live-who").first).to_have_text("Person A")
    page.locator("#language").select_option("en")
    expect(page.locator(".live-state")).to_have_text("Ready.")
    expect(page.locator(".live-who").first).to_have_text("Speaker A")
    assert rows(page)[0].startswith("Good morning")
