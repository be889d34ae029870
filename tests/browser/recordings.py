"""What tests do in the tab for recordings, in the words of somebody who uses it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PATIENCE
from tests.support import samples

expect.set_options(timeout=1000 * PATIENCE)
SHORT, TWO = samples.SHORT, samples.TWO_SPEAKERS
SAID = {file: [turn["Content"] for turn in samples.truth(file) if "Speaker" in turn] for file in (SHORT, TWO)}
"""What is said in a sample, turn by turn; the model writes it without a fault."""

ASKED = """() => {
  window.asked = [];
  const real = XMLHttpRequest.prototype.send;
  XMLHttpRequest.prototype.send = function (body) {
    if (body instanceof FormData) window.asked.push(...[...body].filter(([, value]) => typeof value === "string"));
    return real.call(this, body);
  };
}"""
"""Note what a form has, in which a browser lets nobody look once it is sent."""
DROP = """async ([where, what]) => {
  const sound = typeof what === "number" ? new Blob([new Uint8Array(what).fill(65)]) : await (await fetch(what)).blob();
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([sound], "voice.flac", { type: "audio/flac" }));
  document.querySelector(where).dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
}"""
"""Let a file go there: so many bytes, or what stands at an address."""
LISTEN = """() => {
  window.heard = [];
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () {
    window.playing = this;
    return play.call(this);
  };
  const note = () => {
    const word = document.querySelector(".heard")?.textContent;
    if (word && word !== window.heard.at(-1)) window.heard.push(word);
  };
  new MutationObserver(note).observe(document.body, { subtree: true, attributeFilter: ["class"] });
}"""


def row(page: Page, name: str) -> Locator:
    """That of a recording, or of a job."""
    return page.locator(".row-item:visible").filter(has_text=name)


def finished(page: Page, name: str) -> Locator:
    """The row of a recording that is transcribed by now."""
    done = row(page, name)
    expect(done).to_have_attribute("data-state", "done")
    return done


def distinct(turn: str, sample: Path) -> tuple[str, str]:
    """A word of a turn that is in no other word of the sample, in whatever case, and what is said next."""
    words = turn.split()
    told = " ".join(SAID[sample]).lower()
    return next(pair for pair in pairwise(words) if len(pair[0]) > 2 and told.count(pair[0].lower()) == 1)


def said(page: Page) -> Locator:
    """The conversation, in sight or not. It is drawn with the next frame: expect, and do not read."""
    return page.locator(".turn .said")


def who(page: Page) -> Locator:
    """Who is named above the turns."""
    return page.locator(".turn:not(.goes-on) .name")


def listen(page: Page) -> None:
    """Note what plays from now on, and each word that is lit up: none stays so for long."""
    page.evaluate(LISTEN)


def wait_heard(page: Page, *words: str) -> None:
    """One of them was lit up since."""
    page.wait_for_function("(words) => window.heard.some((word) => words.includes(word))", arg=words)


def upload(page: Page, *files: object) -> None:
    """Choose files as the dialog of the browser would."""
    page.set_input_files("#files", files)  # type: ignore[arg-type]
