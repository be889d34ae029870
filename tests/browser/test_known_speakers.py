"""People whose voices are known: their names stand at what they say, in the page and in what the server is asked."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import soundfile  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Axe, Launch, OpenPage
from tests.browser.recordings import ASKED, DROP, SHORT, TWO, finished, upload, who
from tests.server.http.conftest import tone
from tests.support.samples import TWO_SPEAKERS, truth

SECOND = truth(TWO_SPEAKERS)[1]
"""The longest of what the second voice says."""
FORGOTTEN = """async () => {
  const store = await import("/web/js/store.js");
  const [recording, ...others] = await store.all("recordings");
  return others.length === 0 && recording.wishes.known.length === 0;
}"""
"""The browser's database has one recording, and no voice of those who are known."""
BEGINNING = """() => {
  window.MediaRecorder = class extends MediaRecorder {
    set ondataavailable(take) {
      super.ondataavailable = ({ data }) => take({ data: data.slice(0, 100) });
    }
  };
}"""
"""What is recorded is a file's beginning without sound, as it may be of who stops at once."""


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the second one."""
    samples, rate = soundfile.read(TWO_SPEAKERS, dtype="int16")
    file = tmp_path_factory.mktemp("voices") / "katherine.wav"
    soundfile.write(file, samples[round(SECOND["Start"] * rate) : round(SECOND["End"] * rate)], rate)
    return file


def add(page: Page, name: str) -> None:
    page.get_by_role("button", name="Add a person").click()
    number = page.locator(".known-person").count()
    page.get_by_role("textbox", name=f"Name of person {number}", exact=True).fill(name)


def alike(page: Page) -> set[str]:
    """What several buttons are called that do not do the same."""
    told = Counter(re.findall(r'button "(.+?)"', page.locator("main").aria_snapshot()))
    return {name for name, count in told.items() if count > 1 and not name.startswith("Rename ")}


def test_a_known_voice_has_its_name(open_page: OpenPage, axe: Axe, voice: Path) -> None:
    page = open_page(locale="en")
    page.get_by_text("Names, words and voices to expect").click()
    add(page, "Katherine")
    people = page.locator(".known-person")
    page.evaluate(DROP, [".known-person", 25_000_001])
    expect(people).to_contain_text("At most 25 MB or 10 minutes")
    people.locator("input[type=file]").set_input_files({"name": "a.txt", "mimeType": "text/plain", "buffer": b"no"})
    expect(people).to_contain_text("cannot read this as sound")
    long = {"name": "long.wav", "mimeType": "audio/wav", "buffer": tone(601, rate=3000)}
    people.locator("input[type=file]").set_input_files(long)  # type: ignore[arg-type]
    expect(people).to_contain_text("At most 25 MB or 10 minutes")
    people.locator("input[type=file]").set_input_files(voice)
    expect(people).to_contain_text("s of the voice.")
    expect(people.locator("audio")).to_be_visible()
    add(page, "Nobody")  # without a voice
    add(page, "")
    for whose in ("Katherine", "Nobody", "person 3"):
        expect(page.get_by_role("button", name=f"Record the voice ({whose})", exact=True)).to_be_visible()
    axe(page)
    page.evaluate(ASKED)
    upload(page, TWO)
    expect(page.get_by_role("alert")).to_contain_text("Somebody was left out")
    finished(page, TWO.name)
    expect(who(page).filter(has_text="Katherine")).not_to_have_count(0)
    expect(who(page).filter(has_text=re.compile("^Speaker"))).not_to_have_count(0)
    expect(page.get_by_role("button", name="Rename Katherine", exact=True)).not_to_have_count(0)
    assert alike(page) == set()
    asked = dict(page.evaluate("window.asked"))
    assert asked["known_speaker_names[]"] == "Katherine"
    assert asked["known_speaker_references[]"].startswith("data:audio/wav;base64,")
    page.wait_for_function(FORGOTTEN)  # it is kept no longer than it is needed


def test_a_voice_is_recorded_or_dropped(open_page: OpenPage, launch: Launch, voice: Path) -> None:
    browser: Browser = launch("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={voice}")
    page = open_page(browser=browser, permissions=["microphone"], locale="en")
    page.get_by_text("Names, words and voices to expect").click()
    add(page, "Katherine")
    people = page.locator(".known-person")
    people.get_by_role("button", name="Record the voice").click()
    expect(people).to_contain_text("Is recorded")
    people.get_by_role("button", name="Stop").click()  # when two seconds are over, or before
    expect(people).to_contain_text(re.compile("At least 2 seconds are needed; these are|s of the voice"))
    nothing = {"name": "nothing.wav", "mimeType": "audio/wav", "buffer": b""}  # as of who stops at once
    people.locator("input[type=file]").set_input_files(nothing)  # type: ignore[arg-type]
    expect(people).to_contain_text("At least 2 seconds are needed; these are 0.")
    second = {"name": "second.wav", "mimeType": "audio/wav", "buffer": tone(1)}
    people.locator("input[type=file]").set_input_files(second)  # type: ignore[arg-type]
    expect(people).to_contain_text("At least 2 seconds are needed; these are 1.")
    page.evaluate(DROP, [".known-person", "/web/samples/short.flac"])
    expect(people).to_contain_text(f"{soundfile.info(SHORT).duration:.0f} s of the voice.")
    expect(page.locator(".row-item")).to_have_count(0)  # it is no recording
    people.get_by_role("button", name="Take away").click()
    expect(people).to_have_count(0)


def test_who_stops_at_once_is_told_how_much_is_needed(open_page: OpenPage, launch: Launch, voice: Path) -> None:
    browser: Browser = launch("--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={voice}")
    page = open_page(browser=browser, permissions=["microphone"], locale="en")
    page.evaluate(BEGINNING)
    page.get_by_text("Names, words and voices to expect").click()
    add(page, "Katherine")
    person = page.locator(".known-person")
    person.get_by_role("button", name="Record the voice").click()
    person.get_by_role("button", name="Stop").click()
    expect(person).to_contain_text("At least 2 seconds are needed; these are 0.")
