"""What tests of live captions do in the page, and a server's words for those that need no model."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any

import soundfile  # type: ignore[import-untyped]
import soxr  # type: ignore[import-untyped]
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import OpenPage

CAUGHT = 44_100
"""Hz, of Chromium's microphone: what comes at it is not resampled by a browser that interpolates between neighbours."""
ENOUGH = 0.8
"""Of the words. At the microphone's own rate the sample comes as it is, and what the small model still mistakes is what
it would mistake in any window that begins elsewhere: a word or two. Where sound is lost, many are wrong."""
NOBODY: dict[str, str] = {}
PATH = "/#live"
TRANSCRIPTION = "conversation.item.input_audio_transcription"
SAID = [
    {"id": "seg_0", "start": 0.4, "end": 3.1, "speaker": "A", "text": "Good morning, and welcome to all of you."},
    {"id": "seg_1", "start": 3.4, "end": 5.0, "speaker": "A", "text": "Has everybody got the figures of last week?"},
    {"id": "seg_2", "start": 5.2, "end": 6.9, "speaker": "B", "text": "I have them here."},
]
"""Closed segments, as the page keeps them over a reload."""


def open_live(open_page: OpenPage, **options: Any) -> Page:
    """The tab, once it is there."""
    page = open_page(PATH, **options)
    page.wait_for_selector(".live-controls")
    return page


def keep_said(
    page: Page, said: list[dict[str, Any]] = SAID, names: dict[str, str] = NOBODY, position: float = 10.0
) -> None:
    """Let the page begin as after a reload in a session where this was said. ``names``: by label.

    ``position``: so many seconds of it were heard.
    """
    speakers = list(dict.fromkeys(segment["speaker"] for segment in said))
    kept = {
        "script": {"closed": said, "part": 1, "offset": 0},
        "speakers": {"order": speakers, "names": list(names.items()), "merged": []},
        "resumption": {"token": "of this session"},
        "position": position,
    }
    page.add_init_script(f"sessionStorage.live ??= {json.dumps(json.dumps(kept))}")
    page.reload()
    expect(page.locator(".live-list .text")).to_have_text([segment["text"] for segment in said])


def state(page: Page) -> Locator:
    """``ready``, ``listening.sample``, ``stopped``, ... in its attribute data-state."""
    return page.locator(".live-controls")


def wait_for(page: Page, wanted: str) -> None:
    expect(state(page)).to_have_attribute("data-state", wanted)


def start(page: Page, source: str | None = None) -> None:
    """``source``: the name of another one than is chosen."""
    if source:
        page.get_by_role("radio", name=source).check()
    page.get_by_role("button", name="Start").click()


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop").click()
    wait_for(page, "stopped")


def microphone_that_hears(recording: Path, folder: Path, seconds: float) -> list[str]:
    """Arguments for a browser whose microphone hears so much of a recording, once; in ``folder`` is how it sounds."""
    samples, rate = soundfile.read(recording, dtype="int16")
    wav = folder / "voices.wav"
    soundfile.write(wav, soxr.resample(samples[: int(seconds * rate)], rate, CAUGHT, quality="VHQ"), CAUGHT)
    return ["--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={wav}%noloop"]


def likeness(said: str, spoken: str) -> float:
    """The share of words that are the same, in order."""
    one, other = (re.findall(r"\w+", text.lower()) for text in (said, spoken))
    return difflib.SequenceMatcher(None, one, other).ratio()


def rows(page: Page) -> list[str]:
    """The texts of all segments, certain or not."""
    return page.locator(".live-list .text").all_text_contents()


WATCH = """() => {
  window.seen = [];
  const note = () => {
    const rows = [...document.querySelectorAll(".live-list li")].map((row) => [
      row.dataset.speaker, row.querySelector(".certain").textContent, row.querySelector(".tentative").textContent]);
    if (JSON.stringify(rows) !== JSON.stringify(window.seen.at(-1))) window.seen.push(rows);
    window.loudest = Math.max(window.loudest ?? 0, document.querySelector(".meter-bar").getBoundingClientRect().width);
  };
  const how = { subtree: true, childList: true, characterData: true, attributes: true };
  new MutationObserver(note).observe(document.querySelector(".live"), how);
}"""
"""Note all that a reader could see: speaker, certain and tentative text of each segment, and the loudest level."""


class ScriptedSocket:
    """The server's side of ``/v1/realtime``, as a test tells it; sound is taken and thrown away."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._route: WebSocketRoute | None = None
        self.session: dict[str, Any] = {}
        """As the page wishes it."""
        page.route_web_socket("**/v1/realtime?**", self._opened)

    def _opened(self, route: WebSocketRoute) -> None:
        self._route = route
        route.on_message(self._heard)

    def _heard(self, frame: str | bytes) -> None:
        message = json.loads(frame)
        kind = message["type"]
        if kind == "session.update":
            self.session |= message["session"]
            self.tells("session.updated")
        elif kind == "session.resume":
            self.tells("session.resumed")

    def tells(self, kind: str, **fields: Any) -> None:
        self._page.wait_for_function("() => document.querySelector('[data-state]').dataset.state !== 'opening'")
        assert self._route is not None
        self._route.send(json.dumps({"type": kind, **fields}))

    def drops(self) -> None:
        """The connection."""
        assert self._route is not None
        self._route.close(code=1011)

    def supposes(self, *segments: dict[str, Any]) -> None:
        """The open segments."""
        self.tells(f"{TRANSCRIPTION}.hypothesis", segments=list(segments))

    def closes(self, number: int, text: str, speaker: str = "A") -> None:
        self.tells(
            f"{TRANSCRIPTION}.segment",
            **{"id": f"seg_{number}", "start": number, "end": number + 1, "speaker": speaker, "text": text},
        )


class FailingSocket(ScriptedSocket):
    """A server that fails on the session that is gone on with, each time, and on no other."""

    failures = 0

    def _heard(self, frame: str | bytes) -> None:
        if json.loads(frame)["type"] != "session.resume":
            super()._heard(frame)
            return
        self.failures += 1
        assert self._route is not None
        error = {"type": "server_error", "code": "engine_failed", "message": "The session failed."}
        self._route.send(json.dumps({"type": "error", "error": error}))
        self._route.close(code=1011)


def opened(number: int, text: str, tentative: str, speaker: str = "A") -> dict[str, Any]:
    """An open segment."""
    return {
        "id": f"seg_{number}",
        "start": number,
        "end": number + 1,
        "speaker": speaker,
        "text": text,
        "tentative": tentative,
    }
