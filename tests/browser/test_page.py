"""The page as different people have it: by keyboard, on a phone, in the dark, in another language, without motion."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Axe, OpenPage
from tests.browser.recordings import SAID, SHORT, TWO, distinct, finished, listen, said, wait_heard, who
from tests.support.samples import SAMPLES

SMALL = """() => [...document.querySelectorAll('button, a, select, input, summary')]
  .filter(each => each.checkVisibility() && !each.classList.contains('unseen'))
  .map(each => [each.getBoundingClientRect(), each.outerHTML])
  .filter(([box]) => box.width < 24 || (box.height < 24 && box.height > 0))
  .filter(([, html]) => !html.includes('type="checkbox"') && !html.startsWith('<a href="docs"'))
  .map(([, html]) => html)"""
STICKING_OUT = """() => [...document.querySelectorAll('.card *')]
  .filter((each) => each.checkVisibility() && !each.closest('.unseen'))
  .filter((each) => {
    const [own, frame] = [each, each.parentElement.closest('.drop, .card')].map((each) => each.getBoundingClientRect());
    return own.left < frame.left - 1 || own.right > frame.right + 1;
  })
  .map((each) => each.outerHTML)"""
FOCUSED = "() => document.activeElement?.textContent.trim() ?? ''"


def tab_to(page: Page, words: str, most: int = 40) -> None:
    """Press Tab until what has these words has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(FOCUSED).startswith(words):
            return
    raise AssertionError(f"{words} is not reached by keyboard")


def test_everything_goes_by_keyboard(open_page: OpenPage) -> None:
    page = open_page(locale="en")
    page.get_by_role("heading", level=1).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "To the content"
    tab_to(page, "▶One person")
    page.keyboard.press("Enter")
    finished(page, "short.flac")
    first, second = (turn.split() for turn in SAID[SHORT])
    tab_to(page, first[0])
    for _ in range(2):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(FOCUSED) == first[2]
    listen(page)
    page.keyboard.press("Enter")
    wait_heard(page, first[2])
    page.keyboard.press("ArrowDown")
    assert page.evaluate(FOCUSED) == second[0]
    page.keyboard.press("F2")
    page.keyboard.press("Control+a")
    page.keyboard.type("Hello, they said.")
    page.keyboard.press("Enter")
    expect(said(page).nth(1)).to_have_text("Hello, they said.")
    page.keyboard.press("F2")  # on the pencil, where the form was: nothing
    tab_to(page, "−5")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.get_by_role("link", name="Jobs").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Jobs")).to_be_visible()
    expect(page.locator("#status")).to_have_text("Jobs")


@pytest.mark.parametrize("width", [390, 320])
def test_it_fits_a_phone(open_page: OpenPage, axe: Axe, width: int) -> None:
    page = open_page(
        locale="en", viewport={"width": width, "height": 800}, color_scheme="dark", has_touch=True, is_mobile=True
    )
    page.get_by_role("button", name="One person").tap()
    finished(page, "short.flac")
    page.get_by_text("Names, words and voices to expect").tap()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(SMALL) == []
    axe(page)
    for language in ("de", "en"):  # some words are longer in one
        page.locator("#language").select_option(language)
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert page.evaluate(STICKING_OUT) == []
    page.locator(".menu summary").tap()
    box = page.locator(".menu ul").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width


def test_it_speaks_german_and_english(open_page: OpenPage) -> None:
    page = open_page(locale="de-AT")
    page.get_by_role("button", name="Eine Person").click()
    finished(page, "short.flac")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(who(page).first).to_have_text("Person A")
    page.get_by_label("Sprache").select_option(label="English")
    expect(page.get_by_role("button", name="One person")).to_be_visible()
    expect(page.locator(".turn .name").first).to_have_text("Speaker A")
    page.reload()
    expect(page.get_by_role("button", name="One person")).to_be_visible()


@pytest.mark.parametrize("width", [320, 1280])
def test_the_bundled_model_tells_its_words(open_page: OpenPage, axe: Axe, width: int) -> None:
    kinds = json.loads((SAMPLES / "words.json").read_text())
    page = open_page(locale="en", viewport={"width": width, "height": 900})
    listed = page.locator(".vocabulary dd")
    expect(listed.first).to_be_hidden()
    count = len({word for said in kinds.values() for each in said for word in each.split()})
    page.get_by_text(f"The {count} words that it knows").click()
    expect(listed).to_have_text([", ".join(words) for words in kinds.values()])
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    axe(page)


def test_nothing_moves_for_who_wants_no_motion(open_page: OpenPage, axe: Axe) -> None:
    page = open_page(locale="en", reduced_motion="reduce", forced_colors="active")
    page.evaluate(
        """() => {
          window.moves = [];
          const real = Element.prototype.scrollIntoView;
          Element.prototype.scrollIntoView = function (how) { window.moves.push(how.behavior); real.call(this, how); };
        }"""
    )
    page.get_by_role("button", name="One person").click()
    finished(page, "short.flac")
    listen(page)
    word, _ = distinct(SAID[SHORT][0], SHORT)
    page.locator(".word", has_text=word).click()
    wait_heard(page, word)
    assert set(page.evaluate("window.moves")) == {"auto"}
    still = page.evaluate(
        "() => [...document.querySelectorAll('*')].every(each => getComputedStyle(each).transitionDuration === '0s')"
    )
    assert still
    axe(page)


def test_following_stops_when_the_reader_looks_elsewhere(open_page: OpenPage) -> None:
    page = open_page(locale="en", viewport={"width": 900, "height": 500})
    page.get_by_role("button", name="Two people").click()
    finished(page, "two_speakers.flac")
    page.get_by_label("Speed").select_option("0.5")
    listen(page)
    word, _ = distinct(SAID[TWO][0], TWO)
    page.locator(".word", has_text=word).click()
    wait_heard(page, word)
    page.locator(".conversation").hover()
    page.mouse.wheel(0, -200)
    follow = page.get_by_role("button", name="Follow", exact=True)
    expect(follow).to_have_attribute("aria-pressed", "false")
    page.get_by_role("button", name="Back to current").click()
    expect(follow).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Back to current")).to_be_hidden()
