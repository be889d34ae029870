"""What people do on the page goes in other browsers too: Firefox, and WebKit as phones and Macs have it.

Chromium's tests say everything in detail; these find what another engine does not have or does otherwise. Run by
``make test-browsers``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.browser.live import likeness
from tests.browser.others.firefox import firefox
from tests.browser.others.room import Room, room
from tests.browser.others.visitor import Visitor
from tests.browser.others.webkit import webkit
from tests.support.processes import ServerProcess
from tests.support.samples import SAMPLES, TWO_SPEAKERS, truth
from tests.support.tools import missing

pytestmark = pytest.mark.browsers

BROWSERS: dict[str, Callable[[Path, Mapping[str, str]], AbstractContextManager[Visitor]]] = {
    "firefox": firefox,
    "webkit": webkit,
}
TURNS = [turn["Content"] for turn in truth(TWO_SPEAKERS)]
ENOUGH = 0.75
"""Of the words that come through the air: resampled twice, and never from the same sample on."""
SAID = "[...document.querySelectorAll('.turn .said')].map((each) => each.textContent)"
WHO = "[...document.querySelectorAll('.turn:not(.goes-on) .name')].map((each) => each.textContent)"
LIVE = "[...document.querySelectorAll('.live-list .text')].map((each) => each.textContent)"
LIVE_STATE = "document.querySelector('.live-controls')?.dataset.state"
LOUDEST = """(() => {
  window.loudest = 0;
  const meter = document.querySelector(".meter-bar");
  const note = () => (window.loudest = Math.max(window.loudest, meter.getBoundingClientRect().width));
  new MutationObserver(note).observe(meter, { attributes: true });
  return true;
})()"""
ALERTS = "document.querySelector('#alerts').textContent"
FAULTS = """(() => {
  window.faults = [];
  addEventListener("error", ({ message }) => faults.push(message));
  addEventListener("unhandledrejection", ({ reason }) => faults.push(String(reason)));
  addEventListener("securitypolicyviolation", ({ blockedURI }) => faults.push(blockedURI));
  return true;
})()"""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room | None]:
    """None where no sound server is installed: then browsers are deaf, and do the rest."""
    if shutil.which("pulseaudio") is None:
        yield None
        return
    with room(tmp_path_factory.mktemp("room")) as sound:
        yield sound


@pytest.fixture(scope="module", params=BROWSERS)
def visitor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, sound: Room | None
) -> Iterator[Visitor]:
    environment = sound.environment if sound else {}
    with BROWSERS[request.param](tmp_path_factory.mktemp(request.param), environment) as visitor:
        yield visitor


@pytest.fixture
def page(visitor: Visitor, browser_server: ServerProcess) -> Iterator[Callable[[str], Visitor]]:
    """Opens a tab of the page. The test fails where its scripts do."""

    def page(tab: str) -> Visitor:
        visitor.open("about:blank")  # or another tab is no other page
        visitor.open(f"{browser_server.url}/#{tab}")
        visitor.sees(FAULTS)
        return visitor

    yield page
    assert visitor.sees("window.faults ?? []") == []


def same(texts: str, wanted: list[str]) -> str:
    """The condition that these are the texts."""
    return f"JSON.stringify({texts}) === JSON.stringify({json.dumps(wanted)})"


def choose(visitor: Visitor, css: str, value: object) -> None:
    """A value of a list."""
    visitor.sees(
        f"""(() => {{
          const field = document.querySelector({json.dumps(css)});
          field.value = {json.dumps(value)};
          return field.dispatchEvent(new Event("change", {{ bubbles: true }}));
        }})()"""
    )


def test_a_sample_is_read_heard_corrected_and_taken_along(page: Callable[[str], Visitor]) -> None:
    visitor = page("transcribe")
    visitor.clicks(".sample")
    visitor.waits_for(same(SAID, TURNS))
    visitor.clicks(".turn:nth-child(2) .word:nth-child(4)")
    visitor.waits_for("document.querySelector('.turn:nth-child(2) .heard') !== null")
    visitor.waits_for("Number(document.querySelector('.dock input[type=range]').value) > 3")

    visitor.clicks(".turn .name")
    visitor.waits_for("document.querySelector('#person-name') !== null")
    visitor.sees("document.querySelector('#person-name').value = 'Ada'")
    visitor.clicks("dialog button.strong")
    visitor.waits_for(f"{WHO}[0] === 'Ada'")
    visitor.clicks(".menu summary")
    visitor.clicks('[data-t="export.srt"]')
    assert f"Ada: {TURNS[0]}" in visitor.saved("two_speakers.srt").decode()
    visitor.clicks(".menu summary")
    visitor.clicks('[data-t="export.diarized_json"]')
    told = json.loads(visitor.saved("two_speakers.diarized.json"))
    assert [segment["text"] for segment in told["segments"]] == TURNS

    visitor.clicks(".turn .name")
    visitor.waits_for("document.querySelector('#person-name') !== null")
    visitor.sees("document.querySelector('#person-name').value = 'Grace'")
    visitor.clicks("dialog button.strong")
    visitor.reload()  # at once
    visitor.clicks(".row-item .open")
    visitor.waits_for(f"{WHO}[0] === 'Grace'")
    assert visitor.sees(SAID) == TURNS


def test_a_file_is_chosen(page: Callable[[str], Visitor]) -> None:
    visitor = page("transcribe")
    visitor.waits_for("document.querySelector('#files') !== null")
    visitor.chooses("#files", SAMPLES / "short.flac")
    row = "[...document.querySelectorAll('.row-item')].find((each) => each.textContent.includes('short.flac'))"
    visitor.waits_for(f"{row}?.dataset.state === 'done'")


def test_live_captions_of_a_sample_stay_over_a_reload_and_go_on(page: Callable[[str], Visitor]) -> None:
    visitor = page("live")
    visitor.clicks("input[name=source][value=sample]")
    choose(visitor, "#live-sample", "short")
    visitor.clicks(".live-start")
    visitor.waits_for(f"{LIVE_STATE} === 'listening.sample'")
    visitor.waits_for(f"{LIVE_STATE} === 'stopped'")
    said = visitor.sees(LIVE)
    assert len(said) == len([turn for turn in truth(SAMPLES / "short.flac") if "Speaker" in turn])
    visitor.reload()
    visitor.waits_for(same(LIVE, said))
    visitor.clicks("input[name=source][value=sample]")
    visitor.clicks(".live-start")
    visitor.waits_for(f"{LIVE}.length > {len(said)}")
    visitor.clicks(".live-start")
    visitor.waits_for(f"{LIVE_STATE} === 'stopped'")
    assert visitor.sees(LIVE)[: len(said)] == said


def test_a_voice_at_the_microphone_becomes_captions(page: Callable[[str], Visitor], sound: Room | None) -> None:
    if sound is None:
        missing("pulseaudio is not installed (package pulseaudio)")
    visitor = page("live")
    visitor.clicks("input[name=source][value=microphone]")
    before = len(visitor.sees(LIVE))
    visitor.sees(LOUDEST)
    visitor.clicks(".live-start")
    visitor.waits_for(f"{LIVE_STATE} === 'listening.microphone'")
    sound.hears(TWO_SPEAKERS)
    visitor.clicks(".live-start")
    visitor.waits_for(f"{LIVE_STATE} === 'stopped'")
    said = " ".join(visitor.sees(LIVE)[before:])
    assert likeness(said, " ".join(TURNS)) > ENOUGH, said
    assert visitor.sees("window.loudest") > 5


def test_a_tab_whose_sound_cannot_be_shared_is_told_in_words(page: Callable[[str], Visitor]) -> None:
    visitor = page("live")
    visitor.clicks("input[name=source][value=tab]")
    visitor.clicks(".live-start")
    visitor.waits_for(f"/Nothing was shared|has no sound/.test({ALERTS}) && {LIVE_STATE} !== 'opening'")


def test_what_was_chosen_stays_chosen(page: Callable[[str], Visitor]) -> None:
    visitor = page("live")
    visitor.waits_for("document.querySelector('.live-controls') !== null")
    choose(visitor, "#language", "de")
    visitor.waits_for("document.documentElement.lang === 'de'")
    visitor.clicks(".live-enlarge")
    visitor.clicks("dialog.captions input[type=checkbox]")
    visitor.reload()
    visitor.waits_for("document.documentElement.lang === 'de'")
    visitor.clicks(".live-enlarge")
    assert visitor.sees("document.querySelector('dialog.captions input[type=checkbox]').checked") is True
    choose(visitor, "#language", "en")
    visitor.waits_for("document.documentElement.lang === 'en'")
