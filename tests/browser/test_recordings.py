"""A recording on the page: from one click to a conversation that is heard, corrected and taken along."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import httpx
import pytest
import soundfile  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.conftest import Axe, OpenPage
from tests.browser.recordings import SAID, SHORT, TWO, distinct, finished, listen, row, said, upload, wait_heard, who
from tests.support.processes import ServerProcess
from tests.support.samples import truth

FORMATS = {"text": "txt", "srt": "srt", "vtt": "vtt", "json": "json", "diarized_json": "diarized.json", "rttm": "rttm"}
TURNS = [turn for turn in truth(TWO) if "Speaker" in turn]
SPEAKERS = [f"Speaker {'AB'[turn['Speaker']]}" for turn in TURNS]
STARTS = [f"0:{int(turn['Start']):02}" for turn in TURNS]
POSITION = "document.querySelector('.dock input[type=range]').value"


def take_along(page: Page, response_format: str) -> tuple[str, str]:
    """The name and the text of a file that was downloaded."""
    page.locator(".menu summary").click()
    with page.expect_download() as downloading:
        page.locator(f'[data-t="export.{response_format}"]').click()
    return downloading.value.suggested_filename, Path(downloading.value.path()).read_bytes().decode()


@pytest.fixture
def two(open_page: OpenPage) -> Page:
    """A page that shows two people talking."""
    page = open_page(locale="en")
    page.get_by_role("button", name="Two people").click()
    finished(page, "two_speakers.flac")
    return page


def test_a_sample_is_heard_and_read_after_one_click(two: Page, axe: Axe) -> None:
    expect(two.locator(".notice")).to_contain_text("small bundled model")
    expect(two.locator(".notice code").first).to_contain_text("--model microsoft/VibeVoice-ASR-HF")
    expect(said(two)).to_have_text(SAID[TWO])
    expect(who(two)).to_have_text(SPEAKERS)
    colours = two.locator(".turn .badge").evaluate_all("all => all.map(each => getComputedStyle(each).backgroundColor)")
    assert len(set(colours)) == 2
    a, b = (sum(turn["End"] - turn["Start"] for turn in TURNS if turn["Speaker"] == speaker) for speaker in (0, 1))
    spoke = f"Who spoke when. Speaker A {a:.0f} s, Speaker B {b:.0f} s"
    expect(two.locator(".lanes canvas")).to_have_attribute("aria-label", spoke)
    two.wait_for_function("() => document.querySelector('.lanes canvas').style.height === '100px'")  # wave, two lanes
    axe(two)
    two.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text; }; }")
    two.get_by_role("button", name="Copy").click()
    first = f"[{STARTS[0]}] {SPEAKERS[0]}: {SAID[TWO][0]}\n[{STARTS[1]}] {SPEAKERS[1]}: {SAID[TWO][1]}"
    two.wait_for_function("(text) => window.copied?.startsWith(text)", arg=first)

    two.get_by_label("Speed").select_option("0.5")  # it is paused before it ends
    listen(two)
    word, following = distinct(SAID[TWO][1], TWO)
    two.locator(".word", has_text=word).click()
    wait_heard(two, word, following)
    two.get_by_role("button", name="Pause").click()
    expect(two.get_by_role("button", name="Play", exact=True)).to_be_visible()
    two.locator(".lanes").click(position={"x": 3, "y": 30})
    two.wait_for_function(f"() => {POSITION} < 1")
    at = float(two.get_by_role("slider", name="Position").input_value())
    two.get_by_role("button", name="5 seconds forward").click()
    two.wait_for_function(f"() => Math.abs({POSITION} - {at + 5}) < 0.3")
    two.get_by_label("Speed").select_option("2")
    assert two.evaluate("window.playing.playbackRate") == 2

    places = [word for word in " ".join(SAID[TWO]).split() for _ in range(word.lower().count("e"))]
    two.get_by_role("searchbox").fill("E")
    expect(two.get_by_role("search")).to_contain_text(f"1 of {len(places)}")
    two.keyboard.press("Enter")
    expect(two.locator(".found-now")).to_have_text(places[1])
    expect(two.get_by_role("search")).to_contain_text(f"2 of {len(places)}")
    two.get_by_role("searchbox").fill(f"{word} {following}".upper())
    expect(two.get_by_role("search")).to_contain_text("1 of 1")
    expect(two.locator(".found-now")).to_have_text([word, following])


def test_files_are_those_of_the_server(open_page: OpenPage, browser_server: ServerProcess) -> None:
    page = open_page(locale="en")
    upload(page, TWO)
    finished(page, TWO.name)
    job = httpx.post(
        f"{browser_server.url}/v1/audio/transcriptions?background=true",
        files={"file": (TWO.name, TWO.read_bytes())},
        timeout=60,
    ).json()
    httpx.get(browser_server.url + job["links"]["events"], timeout=60)
    for response_format, ending in FORMATS.items():
        name, text = take_along(page, response_format)
        assert name == f"two_speakers.{ending}"
        told = httpx.get(browser_server.url + job["links"]["result"], params={"response_format": response_format})
        assert told.status_code == 200
        if "json" in response_format:
            assert json.loads(text) == told.json()
        else:
            assert text == told.text


def test_a_word_stays_where_it_is_clicked(open_page: OpenPage) -> None:
    """However long it takes somebody to click a second time, and corrects that turn."""
    page = open_page(locale="en", reduced_motion="reduce", viewport={"width": 900, "height": 500})
    page.get_by_role("button", name="Two people").click()
    finished(page, TWO.name)
    word, following = distinct(SAID[TWO][2], TWO)
    place = page.locator(".word", has_text=word)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None

    def click(times: int) -> None:
        page.mouse.down(click_count=times)
        page.mouse.up(click_count=times)

    listen(page)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    click(1)
    wait_heard(page, word, following)
    assert place.bounding_box() == box
    click(2)
    expect(page.get_by_role("textbox", name="What was said")).to_have_value(SAID[TWO][2])


def test_corrections_are_everywhere_and_outlive_a_reload(two: Page) -> None:
    two.locator(".name").first.click()
    expect(two.locator("dialog .excerpt")).to_have_count(min(3, SPEAKERS.count("Speaker A")))
    two.get_by_label("Name", exact=True).fill("Sara Öztürk")
    two.keyboard.press("Enter")
    people = ["Sara Öztürk" if speaker == "Speaker A" else speaker for speaker in SPEAKERS]
    expect(who(two)).to_have_text(people)

    two.locator(".word", has_text=distinct(SAID[TWO][0], TWO)[0]).dblclick()
    two.get_by_role("textbox", name="What was said").fill("Something else.")
    two.keyboard.press("Escape")
    expect(said(two).first).to_have_text(SAID[TWO][0])
    correct = two.get_by_role("button", name=re.compile("^Correct what was said at "))
    correct.nth(3).click()
    two.get_by_role("button", name="Remove").click()
    expect(said(two)).to_have_count(len(people) - 1)
    two.get_by_role("button", name="Undo").click()
    expect(said(two)).to_have_count(len(people))
    correct.nth(2).click()
    two.get_by_role("textbox", name="What was said").fill("Geoffrey doses.")
    two.get_by_label("Said by").select_option(label="Somebody new")
    two.get_by_role("button", name="Save").click()
    expect(said(two).nth(2)).to_have_text("Geoffrey doses.")
    expect(who(two).nth(2)).to_have_text("Speaker C")

    srt = take_along(two, "srt")[1]
    assert f"Sara Öztürk: {SAID[TWO][0]}" in srt
    assert "Speaker C: Geoffrey doses." in srt

    two.reload()
    row(two, "two_speakers.flac").get_by_role("button", name="two_speakers.flac", exact=True).click()
    for place, name in enumerate(["Sara Öztürk", "Speaker B", "Speaker C"]):
        expect(who(two).nth(place)).to_have_text(name)
    expect(two.get_by_role("button", name="Play", exact=True)).to_be_visible()

    two.locator(".chip", has_text="Speaker C").click()
    two.get_by_label("Is the same person as").select_option(label="Sara Öztürk")
    two.get_by_role("button", name="Save").click()
    expect(who(two).nth(2)).to_have_text("Sara Öztürk")
    expect(two.locator(".chip")).to_have_count(2)
    two.get_by_role("button", name="Undo").click()
    two.reload()  # in the same moment: what was taken back is taken back
    row(two, "two_speakers.flac").get_by_role("button", name="two_speakers.flac", exact=True).click()
    expect(who(two).nth(2)).to_have_text("Speaker C")

    row(two, "two_speakers.flac").get_by_role("button", name="Delete").click()
    expect(two.locator(".workspace")).to_be_hidden()
    two.reload()
    expect(two.locator(".intake")).to_be_visible()
    expect(row(two, "two_speakers.flac")).to_have_count(0)


def test_the_server_tells_the_waveform_of_what_the_browser_cannot_decode(open_page: OpenPage) -> None:
    """As of recordings that are too long for it."""
    samples, rate = soundfile.read(TWO, dtype="float32")
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="AU", subtype="PCM_16")
    page = open_page(locale="en")
    upload(page, {"name": "two.au", "mimeType": "audio/basic", "buffer": file.getvalue()})
    finished(page, "two.au").get_by_role("button", name="two.au", exact=True).click()
    page.wait_for_function("() => document.querySelector('.lanes canvas').style.height === '100px'")  # wave, two lanes
    page.reload()
    finished(page, "two.au").get_by_role("button", name="two.au", exact=True).click()
    page.wait_for_function("() => document.querySelector('.lanes canvas').style.height === '100px'")


def test_several_files_and_one_that_is_none(open_page: OpenPage) -> None:
    page = open_page(locale="en")
    upload(
        page,
        {"name": "first.flac", "mimeType": "audio/flac", "buffer": SHORT.read_bytes()},
        {"name": "shopping.txt", "mimeType": "text/plain", "buffer": b"milk, bread"},
        {"name": "empty.wav", "mimeType": "audio/wav", "buffer": b""},
        {"name": "last.flac", "mimeType": "audio/flac", "buffer": SHORT.read_bytes()},
    )
    expect(page.get_by_role("alert")).to_contain_text("empty.wav is empty.")
    expect(row(page, "shopping.txt")).to_have_attribute("data-state", "failed")
    expect(row(page, "shopping.txt")).to_contain_text("not a sound or video file")
    for name in ("first.flac", "last.flac"):
        finished(page, name).get_by_role("button", name=name, exact=True).click()
        expect(said(page).first).to_have_text(SAID[SHORT][0])
    expect(page.locator(".row-item")).to_have_count(3)


def test_files_are_dropped_anywhere(open_page: OpenPage) -> None:
    page = open_page("/#jobs", locale="en")
    data = page.evaluate_handle(
        """async () => {
          const bytes = await (await fetch("/web/samples/short.flac")).blob();
          const data = new DataTransfer();
          for (const name of ["dropped.flac", "beside.flac"]) {
            data.items.add(new File([bytes], name, {type: "audio/flac"}));
          }
          return data;
        }"""
    )
    page.get_by_role("link", name="Recordings").click()
    page.locator(".drop").wait_for()
    page.dispatch_event("body", "dragover", {"dataTransfer": data})
    expect(page.locator(".drop")).to_have_class("drop over")
    page.dispatch_event("body", "drop", {"dataTransfer": data})
    finished(page, "dropped.flac")
    finished(page, "beside.flac")
