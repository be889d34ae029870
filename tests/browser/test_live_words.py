"""Live captions of a voice: from a microphone to certain words, with the bundled model."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE, Launch, OpenPage
from tests.browser.live import (
    ENOUGH,
    WATCH,
    likeness,
    microphone_that_hears,
    open_live,
    rows,
    start,
    stop,
    wait_for,
)
from tests.support.samples import TWO_SPEAKERS, truth

TURNS = truth(TWO_SPEAKERS)[:3]
"""As much of it as is heard."""


@pytest.fixture(scope="module")
def with_microphone(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser whose microphone hears the sample, once."""
    folder = tmp_path_factory.mktemp("microphone")
    return launch(*microphone_that_hears(TWO_SPEAKERS, folder, TURNS[-1]["End"] + 0.3))


def spoken(turns: int) -> str:
    """What was said in so many turns."""
    return " ".join(turn["Content"] for turn in TURNS[:turns])


def seen(page: Page) -> list[list[tuple[str, str, str]]]:
    states: list[list[tuple[str, str, str]]] = page.evaluate("window.seen")
    return states


def test_a_voice_becomes_words(open_page: OpenPage, with_microphone: Browser) -> None:
    page = open_live(open_page, browser=with_microphone, permissions=["microphone"])
    page.evaluate(WATCH)
    start(page)
    wait_for(page, "listening.microphone")
    expect(page.locator("#live-device option", has_text="Fake")).not_to_have_count(0)
    page.wait_for_function("(count) => document.querySelectorAll('.live-list li').length >= count", arg=len(TURNS))
    expect(page.locator(".live-delay")).to_contain_text("s behind the voice")
    assert page.evaluate("window.loudest") > 5, "a level is shown"
    stop(page)

    states = seen(page)
    final = states[-1]
    assert likeness(" ".join(text for _, text, _ in final), spoken(len(TURNS))) > ENOUGH, final
    assert [speaker for speaker, _, _ in final] == ["A", "B", "A"]
    assert not any(tentative for _, _, tentative in final), "the last words are certain"
    certain_before = False
    for before, after in pairwise(states):
        for (_, text, tentative), (_, later, _) in zip(before, after, strict=False):
            assert later.startswith(text), "what is certain does not change"
            certain_before |= bool(tentative) and later != text
    assert certain_before, "words were shown before they were certain"


def test_stop_brings_the_last_words(open_page: OpenPage) -> None:
    """The sample is stopped while somebody speaks; nobody has to connect a microphone for it."""
    page = open_live(open_page)
    page.evaluate(WATCH)
    page.get_by_role("button", name="Try it with a sample").click()
    page.wait_for_function("() => document.querySelectorAll('.live-list li').length >= 2")
    stop(page)
    assert likeness(" ".join(rows(page)), spoken(len(rows(page)))) > 0.4
    assert not any(tentative for _, _, tentative in seen(page)[-1])
    expect(page.get_by_role("button", name="Start")).to_be_enabled()


def test_what_was_said_is_saved_kept_and_gone_on_with(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_live(open_page)
    page.get_by_role("radio", name="Sample").check()
    page.get_by_label("Recording").select_option("short")
    start(page)
    wait_for(page, "stopped")  # by itself: the sample is over
    said = rows(page)
    page.get_by_role("button", name="Speaker A").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill("Ada")
    page.keyboard.press("Enter")
    page.get_by_label("Format").select_option("diarized_json")
    with page.expect_download(timeout=1000 * PATIENCE) as download:
        page.get_by_role("button", name="Download").click()
    assert download.value.suggested_filename == "captions.diarized.json"
    download.value.save_as(tmp_path / "captions.json")
    saved = json.loads((tmp_path / "captions.json").read_text())["segments"]
    assert [(segment["speaker"], segment["text"]) for segment in saved] == [("Ada", text) for text in said]

    page.reload()
    expect(page.locator(".live-list .text")).to_have_text(said)
    expect(page.get_by_role("button", name="Ada").first).to_be_visible()
    start(page, "Sample")
    page.wait_for_function("(count) => document.querySelectorAll('.live-list li').length > count", arg=len(said))
    stop(page)
    assert rows(page)[: len(said)] == said
    speakers = page.locator(".live-list li").evaluate_all("(rows) => rows.map((row) => row.dataset.speaker)")
    assert not any(speaker.endswith("2") for speaker in speakers), "it is the same session: people keep their letters"
    times = page.locator(".live-list time").all_text_contents()
    assert times == sorted(times)
