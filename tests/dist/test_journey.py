"""Somebody who has never seen it, as README leads them: a clone, one command, a page, captions."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Launch, OpenPage
from tests.browser.live import ENOUGH, likeness, microphone_that_hears, rows, start, stop, wait_for
from tests.browser.recordings import finished, said
from tests.dist.conftest import Distributions, serving
from tests.support.processes import ROOT, free_port
from tests.support.samples import TWO_SPEAKERS, truth

pytestmark = [pytest.mark.dist, pytest.mark.timeout(1800)]
TURNS = [turn for turn in truth(TWO_SPEAKERS) if "Speaker" in turn][:3]
"""As much as the microphone hears."""


@pytest.fixture(scope="module")
def served_from_a_clone(distributions: Distributions, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address. What is committed is cloned; packages come from the house, in the place of an index."""
    home = tmp_path_factory.mktemp("newcomer")
    clone = home / "vibevoice-asr-server"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True, timeout=300)
    port = free_port()
    packages = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(distributions.house)}
    with serving(["make", "serve", f"PORT={port}"], port, home, cwd=clone, **packages) as url:
        assert "is ready" in (home / "log").read_text(), "README says to wait for this"
        yield url


@pytest.fixture
def page(served_from_a_clone: str, open_page: OpenPage, launch: Launch, tmp_path: Path) -> Page:
    """Open, in a browser that hears two people."""
    browser = launch(*microphone_that_hears(TWO_SPEAKERS, tmp_path, TURNS[-1]["End"] + 0.3))
    return open_page(server=served_from_a_clone, browser=browser, permissions=["microphone"], locale="en")


def test_from_a_clone_to_captions(page: Page) -> None:
    page.get_by_role("button", name="Two people").click()
    finished(page, TWO_SPEAKERS.name)
    expect(said(page)).to_have_text([turn["Content"] for turn in truth(TWO_SPEAKERS) if "Speaker" in turn])

    page.get_by_role("link", name="Live").click()
    start(page, "Microphone")
    wait_for(page, "listening.microphone")
    page.wait_for_function("(count) => document.querySelectorAll('.live-list li').length >= count", arg=len(TURNS))
    stop(page)
    assert likeness(" ".join(rows(page)), " ".join(turn["Content"] for turn in TURNS)) > ENOUGH, rows(page)
