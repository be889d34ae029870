"""Tests of the page notice what they are there to notice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.browser.conftest import Axe, watch

OWN = "http://page.test"
PAGE = "<!doctype html><body><script src=/script.js></script><script src=/ran.js type=module></script>"
POLICY = {"content-security-policy": "default-src 'self'"}


@pytest.fixture
def blank(shared_browser: Browser) -> Iterator[Page]:
    with shared_browser.new_page() as page:
        yield page


def test_axe_finds_faults(blank: Page, axe: Axe) -> None:
    blank.set_content("<html lang=en><title>T</title><main><h1>T</h1><img src=data:,></main>")
    with pytest.raises(AssertionError, match="image-alt"):
        axe(blank)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("nowhere();", "ReferenceError"),
        ("Promise.reject(new Error('late'));", "late"),
        ("document.body.innerHTML = '<p style=\"color: red\">'", "Content Security Policy"),
        ("new Image().src = 'http://elsewhere.test/'", "asked another host"),
        ("new WebSocket('ws://elsewhere.test/')", "ws://elsewhere.test/"),
    ],
)
def test_faults_of_a_page_are_noticed(blank: Page, script: str, fault: str) -> None:
    served = {"/": PAGE, "/script.js": script, "/ran.js": "window.ran = true"}
    policy = POLICY if "Policy" in fault else {}

    def answer(route: Route) -> None:
        path = route.request.url.removeprefix(OWN)
        kind = "text/javascript" if path.endswith(".js") else "text/html"
        route.fulfill(body=served.get(path, ""), headers=policy | {"content-type": kind})

    faults: list[str] = []
    watch(blank, OWN, faults)
    blank.route("**/*", answer)
    blank.goto(OWN)
    blank.wait_for_function("() => window.ran")
    assert faults
    assert all(fault in each for each in faults)
