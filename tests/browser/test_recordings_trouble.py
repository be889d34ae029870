"""What goes wrong or takes long: keys, sizes, reloads and servers that are gone, each in words and without a loss."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import soundfile  # type: ignore[import-untyped]
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.recordings import ASKED, DROP, SHORT, finished, row, said, upload
from tests.server.http.conftest import KEY, tone
from tests.support.reluctant_runner import ReluctantRunner
from tests.support.scripted_server import RunningServer, running_server

SECONDS = 610
TURNS = 12
AT_ONCE = 5
"""Turns."""
PROGRESS = """() => {
  window.told = [];
  const note = () => {
    for (const { textContent } of document.querySelectorAll(".row-item .state")) window.told.push(textContent);
  };
  new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""
"""Note how far each recording was said to be."""


def long_answer(turns: int = TURNS) -> str:
    """Two people, for ten minutes."""
    words = random.Random(5)
    heard = ["good", "morning", "how", "are", "you", "quite", "well", "what", "did", "others", "nothing"]
    each = 600 // turns
    told = [
        {
            "Start": each * turn,
            "End": each * (turn + 1),
            "Speaker": turn % 2,
            "Content": f"{turn} {' '.join(words.sample(heard, 5))}.",
        }
        for turn in range(turns)
    ]
    return json.dumps(told, separators=(",", ":"))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with running_server(api_keys=(KEY,), max_upload_bytes=300_000, max_audio_seconds=4.0) as server:
        yield server


@pytest.fixture(scope="module")
def free(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that lets ``slow`` end."""
    return tmp_path_factory.mktemp("free") / "now"


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, free: Path) -> Iterator[RunningServer]:
    """Says the first turns of ten minutes and no more until it is let, and keeps jobs."""
    runner = partial(
        ReluctantRunner,
        usual=long_answer(),
        beginning=long_answer()[: len(long_answer()) * AT_ONCE // TURNS],
        free=free,
    )
    with running_server(runner, jobs_folder=tmp_path_factory.mktemp("jobs"), window_minutes=20) as server:
        yield server


@pytest.fixture(scope="module")
def meeting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("files") / "meeting.wav"
    file.write_bytes(tone(SECONDS, rate=8000))
    return file


def wav(seconds: float) -> dict[str, object]:
    return {"name": "tone.wav", "mimeType": "audio/wav", "buffer": tone(seconds)}


def test_a_key_is_asked_for_once(open_page: OpenPage, guarded: RunningServer) -> None:
    page = open_page(server=guarded.url, locale="en")
    asked = page.get_by_role("dialog", name="This server wants a key")
    asked.get_by_label("API key").fill("sk-wrong")
    page.keyboard.press("Enter")
    expect(asked).to_contain_text("does not know this key")
    asked.get_by_label("API key").fill(KEY)
    asked.get_by_role("button", name="Use this key").click()
    expect(page.locator("#served")).to_contain_text("tiny")
    page.evaluate(ASKED)
    page.get_by_text("Names, words and voices to expect").click()
    page.get_by_label("Names and words, one in each line").fill("Katherine\nVibeVoice")
    page.get_by_label("What it is about").fill("The garden club")
    upload(page, wav(3))
    finished(page, "tone.wav")
    sent = page.evaluate("window.asked")
    assert [value for name, value in sent if name == "hotwords[]"] == ["Katherine", "VibeVoice"]
    assert ["prompt", "The garden club"] in sent
    page.reload()
    expect(page.locator("#served")).to_contain_text("tiny")
    expect(asked).to_have_count(0)
    assert page.evaluate("Object.values(localStorage).join()").find(KEY) == -1


def test_without_the_key_the_page_says_so(open_page: OpenPage, guarded: RunningServer) -> None:
    page = open_page(server=guarded.url, locale="en")
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    upload(page, wav(3))
    page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(row(page, "tone.wav")).to_contain_text("This needs a key.")
    page.get_by_role("button", name="Key", exact=True).click()
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Use this key").click()
    row(page, "tone.wav").get_by_role("button", name="Again").click()
    finished(page, "tone.wav")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (5, "longer than the server takes"),
        (6.249, "larger than the server takes"),  # by the form around it
        (9, "larger than the server takes"),
    ],
)
def test_too_much_is_refused_in_words(open_page: OpenPage, guarded: RunningServer, seconds: float, words: str) -> None:
    page = open_page(server=guarded.url, locale="en")
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#served")).to_contain_text("tiny")
    upload(page, wav(seconds))
    expect(row(page, "tone.wav")).to_contain_text(words)


def test_what_is_too_large_for_a_proxy_is_told_too(open_page: OpenPage, slow: RunningServer) -> None:
    page = open_page(server=slow.url, locale="en")
    page.route("**/v1/audio/transcriptions", lambda route: route.fulfill(status=413, body="<h1>413</h1>"))
    upload(page, wav(3))
    expect(row(page, "tone.wav")).to_contain_text("larger than the server takes")


def test_voices_count_too(open_page: OpenPage, guarded: RunningServer) -> None:
    """What is known of people is sent with the recording: together they may be larger than the server takes."""
    page = open_page(server=guarded.url, locale="en")
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#served")).to_contain_text("tiny")
    page.get_by_text("Names, words and voices to expect").click()
    page.get_by_role("button", name="Add a person").click()
    page.get_by_role("textbox", name="Name of person 1").fill("Katherine")
    page.locator(".known-person input[type=file]").set_input_files(SHORT)
    expect(page.locator(".known-person")).to_contain_text(f"{soundfile.info(SHORT).duration:.0f} s of the voice.")
    upload(page, wav(3))
    expect(row(page, "tone.wav")).to_contain_text("The recording and the voices together are larger")


def test_a_server_that_is_gone_is_told_and_tried_again(open_page: OpenPage) -> None:
    page = open_page(locale="en")
    expect(page.locator("#served")).to_contain_text("tiny")
    page.route("**/v1/**", lambda route: route.abort())
    upload(page, SHORT)
    expect(row(page, SHORT.name)).to_contain_text("The server cannot be reached.")
    page.unroute("**/v1/**")
    row(page, SHORT.name).get_by_role("button", name="Again").click()
    finished(page, SHORT.name)


def test_a_model_that_is_loaded_is_waited_for(open_page: OpenPage) -> None:
    page = open_page(locale="en")
    page.clock.install()
    loading = {"error": {"message": "Not yet.", "type": "server_error", "code": "model_not_ready"}}
    page.route("**/v1/audio/transcriptions", lambda route: route.fulfill(status=503, json=loading))
    upload(page, SHORT)
    expect(row(page, SHORT.name)).to_contain_text("Waits until the model is loaded")
    page.unroute("**/v1/audio/transcriptions")
    page.clock.fast_forward(2000)
    finished(page, SHORT.name)


def test_two_are_sent_at_once_and_others_wait(open_page: OpenPage, slow: RunningServer) -> None:
    page = open_page(server=slow.url, locale="en")
    upload(page, *({**wav(3), "name": f"{number}.wav"} for number in range(3)))
    for number, state in enumerate(("listening", "listening", "waiting")):
        expect(row(page, f"{number}.wav")).to_have_attribute("data-state", state)
    row(page, "0.wav").get_by_role("button", name="Cancel").click()
    expect(row(page, "2.wav")).to_have_attribute("data-state", "listening")


def test_what_is_large_and_of_no_known_length_is_a_job(open_page: OpenPage, slow: RunningServer) -> None:
    page = open_page(server=slow.url, locale="en")
    page.locator(".drop").wait_for()
    page.route(re.compile("background=true"), lambda route: route.abort())
    with page.expect_request(re.compile("v1/audio/transcriptions")) as sent:
        page.evaluate(DROP, ["body", 50_000_001])
    assert sent.value.url.endswith("?background=true")
    expect(row(page, "voice.flac")).to_contain_text("The server cannot be reached.")


def followed(page: Page) -> None:
    """The job is seen to say something."""
    expect(page.locator(".turn").nth(2)).to_be_visible()


def test_a_long_recording_is_a_job_that_a_reload_does_not_stop(
    open_page: OpenPage, slow: RunningServer, free: Path, meeting: Path
) -> None:
    page = open_page(server=slow.url, locale="en")
    page.evaluate(PROGRESS)
    with page.expect_request("**/v1/jobs/*/events*") as first:
        upload(page, meeting)
    assert first.value.headers["last-event-id"] == "0"
    followed(page)
    page.wait_for_function("() => window.told.some((told) => /^Is transcribed: [1-9]/.test(told))")
    assert page.evaluate("window.told.some((told) => told.startsWith('Is sent: '))")
    with page.expect_request("**/v1/jobs/*/events*") as second:
        page.reload()
    assert int(second.value.headers["last-event-id"]) > 2
    page.get_by_role("button", name="meeting.wav", exact=True).click()
    free.touch()
    finished(page, "meeting.wav")
    free.unlink()
    expect(said(page)).to_have_text([re.compile(f"^{number} ") for number in range(TURNS)])

    page.get_by_role("link", name="Jobs").click()
    expect(row(page, "meeting.wav")).to_contain_text("Done")
    expect(row(page, "meeting.wav")).to_contain_text("10:10")
    row(page, "meeting.wav").get_by_role("button", name="Delete").click()
    expect(row(page, "meeting.wav")).to_have_count(0)
    expect(page.locator("#jobs")).to_contain_text("There are no jobs.")


def test_a_job_of_another_visit_is_opened_and_cancelled(
    open_page: OpenPage, slow: RunningServer, meeting: Path
) -> None:
    page = open_page(server=slow.url, locale="en")
    page.get_by_text("Names, words and voices to expect").click()
    page.get_by_label("What it is about").fill(long_answer(150))  # what the scripted model says then
    upload(page, meeting)
    followed(page)
    other = open_page("/#jobs", server=slow.url, locale="en")
    other.get_by_role("button", name="meeting.wav", exact=True).first.click()
    expect(other.locator(".turn").first).to_be_visible()
    expect(other.get_by_role("button", name="Play", exact=True)).to_be_visible()  # the server has the sound as well
    row(page, "meeting.wav").get_by_role("button", name="Cancel").click()
    expect(row(page, "meeting.wav")).to_contain_text("Stopped")
    expect(row(other, "meeting.wav")).to_contain_text("The job was cancelled.")
    expect(said(page)).not_to_have_count(0)


def test_without_jobs_the_tab_says_how_to_have_them(open_page: OpenPage, guarded: RunningServer) -> None:
    page = open_page("/#jobs", server=guarded.url, locale="en")
    page.get_by_label("API key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page.locator("#jobs")).to_contain_text("--jobs-folder")


def test_a_stream_that_a_reload_cuts_keeps_what_was_heard(open_page: OpenPage, slow: RunningServer) -> None:
    page = open_page(server=slow.url, locale="en")
    upload(page, {"name": "talk.wav", "mimeType": "audio/wav", "buffer": tone(590, rate=8000)})
    followed(page)
    page.reload()
    expect(row(page, "talk.wav")).to_contain_text("Stopped")
    page.get_by_role("button", name="talk.wav", exact=True).click()
    expect(said(page).nth(1)).to_be_visible()
    row(page, "talk.wav").get_by_role("button", name="Again").click()
    expect(row(page, "talk.wav")).to_have_attribute("data-state", "listening")
    followed(page)
    for number in range(3):
        expect(said(page).nth(number)).to_have_text(re.compile(f"^{number} "))
    row(page, "talk.wav").get_by_role("button", name="Cancel").click()
    expect(row(page, "talk.wav")).to_contain_text("Stopped")
