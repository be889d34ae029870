"""Pictures of the page for the README: ``python -m tests.browser.pictures`` (make screenshots) writes docs/pictures.

What is said in them is made up, and told by a script in the server's place; everything else is the page as it is.
"""

from __future__ import annotations

import json
import shutil
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from tests.browser.live import ScriptedSocket, keep_said, opened, start, wait_for
from tests.support.processes import ROOT
from tests.support.samples import SAMPLES
from tests.support.scripted_server import running_server

FOLDER = ROOT / "docs" / "pictures"
MOST_BYTES = 300_000
SCHEMES = ("light", "dark")
DESKTOP = {"viewport": {"width": 1200, "height": 900}, "device_scale_factor": 2}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 3, "has_touch": True}
NAMES = {"A": "Maya", "B": "Jonas", "C": "Dr. Okafor"}
TALK = [
    ("A", 0.6, 6.8, "Thank you all for coming. Shall we begin with the numbers from the spring trial?"),
    ("B", 7.4, 15.2, "Gladly. Two hundred and twelve people took part, and most came back for the second visit."),
    ("C", 15.9, 23.0, "That is more than I expected. Was the drop-out any different between the two clinics?"),
    ("B", 23.6, 32.1, "Hardly. Lisbon lost nineteen, Graz twenty-one, and most of them had simply moved away."),
    ("A", 32.8, 38.4, "Good. Then nothing speaks against starting the second part in October."),
    ("C", 39.2, 48.6, "One thing, though: the questionnaire took forty minutes, and people found it too long."),
    ("B", 49.1, 56.3, "We could drop the section on sleep. Nobody has used it in the analysis so far."),
    ("A", 57.0, 63.2, "Let us do that, and keep the rest as it is. Jonas, will you write to both clinics?"),
    ("B", 63.6, 66.0, "I will, this afternoon."),
    ("C", 66.8, 75.5, "And I should like to see the first thirty answers before we go on, just to be sure."),
    ("A", 76.2, 83.0, "Agreed. We meet again on the fourteenth, same time, same room."),
]  # fmt: skip
"""Speaker, start, end, words; as long as the recording that is played to it."""


def segments(count: int = len(TALK)) -> list[dict[str, Any]]:
    """The first ``count``, as the server tells them."""
    return [
        {"id": f"seg_{number}", "start": begin, "end": end, "speaker": speaker, "text": text}
        for number, (speaker, begin, end, text) in enumerate(TALK[:count])
    ]


def recording(page: Page) -> None:
    """A transcript, with a word lit up."""
    told = [{"type": "transcript.text.segment", **segment} for segment in segments()]
    told.append({"type": "transcript.text.done", "text": "", "duration": 96.0})
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in told)
    stream = {"content-type": "text/event-stream"}
    page.route("**/v1/audio/transcriptions", lambda route: route.fulfill(body=body, headers=stream))
    sound = (SAMPLES / "long.flac").read_bytes()
    page.locator("#files").set_input_files({"name": "spring trial.flac", "mimeType": "audio/flac", "buffer": sound})
    expect(page.locator(".turn")).to_have_count(len(TALK))
    for label, name in NAMES.items():
        page.get_by_role("button", name=f"Rename Speaker {label}", exact=True).first.click()
        page.get_by_role("textbox", name="Name", exact=True).fill(name)
        page.keyboard.press("Enter")
    page.locator(".word", has_text="people").first.click()
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".heard")).to_have_count(1)
    page.locator(".lanes").evaluate("(lanes) => lanes.closest('.card').scrollIntoView({ block: 'start' })")
    page.mouse.move(0, 0)


def live(page: Page, *, said: int = 4) -> None:
    """Captions while somebody speaks."""
    page.goto(f"{page.url.partition('#')[0]}#live")
    page.wait_for_selector(".live-controls")
    speaker, begin, _, text = TALK[said]
    keep_said(page, segments(said), NAMES, position=begin + 3)
    socket = ScriptedSocket(page)
    start(page, "Sample")
    wait_for(page, "listening.sample")
    certain, tentative = text[: text.index(" against")], " against starting"
    socket.supposes({**opened(said, certain, tentative, speaker), "start": begin, "end": begin + 2.6})
    expect(page.locator(".tentative", has_text="starting")).to_be_visible()
    page.mouse.move(0, 0)


def captions(page: Page) -> None:
    """Captions in large type."""
    live(page)
    page.get_by_role("button", name="Large captions").click()
    page.get_by_label("Words that may change").check()
    page.evaluate("document.activeElement.blur()")


def phone(page: Page) -> None:
    """Live captions on a phone, read from the end."""
    live(page)
    page.locator(".live-run").evaluate("(run) => run.scrollIntoView({ block: 'start' })")


PICTURES: dict[str, tuple[Callable[[Page], None], dict[str, Any]]] = {
    "recording": (recording, DESKTOP),
    "live": (live, DESKTOP),
    "captions": (captions, {"viewport": {"width": 1200, "height": 675}, "device_scale_factor": 2}),
    "phone": (phone, PHONE),
}


def take(page: Page, file: Path) -> None:
    """As WebP, which is a third of PNG. Raises ValueError for a picture that is too large for a README."""
    session = page.context.new_cdp_session(page)
    shot = session.send("Page.captureScreenshot", {"format": "webp", "quality": 90})
    file.write_bytes(b64decode(shot["data"]))
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{file} has {file.stat().st_size} bytes, more than {MOST_BYTES}")


@contextmanager
def opened_page(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """The page of a server that says that it has the real checkpoint."""

    def with_the_real_model(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["data"][0]["root"] = "microsoft/VibeVoice-ASR-HF"
        route.fulfill(response=answer, json=told)

    with browser.new_context(locale="en", reduced_motion="reduce", **options) as context:
        page = context.new_page()
        page.route("**/v1/models", with_the_real_model)
        page.goto(url)
        page.wait_for_selector("#transcribe:not([hidden])")
        yield page


def main(names: list[str]) -> None:
    """Take the pictures of these names, all by default."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        running_server() as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=shutil.which("chromium")) as browser,
    ):
        for name, scheme in product(names or PICTURES, SCHEMES):
            arrange, options = PICTURES[name]
            with opened_page(browser, server.url, color_scheme=scheme, **options) as page:
                arrange(page)
                take(page, FOLDER / f"{name}-{scheme}.webp")


if __name__ == "__main__":
    main(sys.argv[1:])
