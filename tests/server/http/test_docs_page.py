"""The page about the API: served from here alone, with keys on, behind a prefix, under a strict policy."""

from __future__ import annotations

import gzip
import hashlib
import re

import httpx
import pytest

from tests.support.scripted_server import RunningServer, running_server

DIGESTS = {
    "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
    "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
}
"""SHA-256 of the published files of swagger-ui-dist 5.35.0."""


def assets(page: str) -> list[str]:
    return re.findall(r'(?:src|href|data-url)="([^"]*)"', page)


def test_the_page_and_all_it_names_are_served_here_without_a_key(guarded_server: RunningServer) -> None:
    page = httpx.get(f"{guarded_server.url}/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "http" not in page.text.replace("http-equiv", "")
    named = [name for name in assets(page.text) if name != "data:,"]
    assert named == ["/docs/swagger-ui.css", "/openapi.json", "/docs/swagger-ui-bundle.js", "/docs/start.js"]
    for name in named:
        answer = httpx.get(guarded_server.url + name)
        assert answer.status_code == 200
        assert httpx.head(guarded_server.url + name).status_code == 200
        if (digest := DIGESTS.get(name.rpartition("/")[2])) is not None:
            assert hashlib.sha256(answer.content).hexdigest() == digest


def test_nothing_runs_in_the_page_but_its_files_and_nothing_is_fetched_from_elsewhere(server: RunningServer) -> None:
    page = httpx.get(f"{server.url}/docs")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert re.findall(r"<script[^>]*>([^<]*)", page.text) == ["", ""]
    assert "<style" not in page.text
    assert re.search(r"\son\w+=", page.text) is None
    start = httpx.get(f"{server.url}/docs/start.js").text
    assert "validatorUrl: null" in start  # else Swagger UI shows every description to its makers' server
    assert "//" not in re.sub(r"^//.*$", "", start, flags=re.MULTILINE)
    style = httpx.get(f"{server.url}/docs/swagger-ui.css").text
    assert all(source.startswith(("data:", "#")) for source in re.findall(r"url\([\"']?([^)\"']*)", style))
    assert "@import" not in style


@pytest.mark.parametrize("accepted", ["gzip, br", "identity"])
def test_files_come_compressed_to_who_takes_that(server: RunningServer, accepted: str) -> None:
    url = f"{server.url}/docs/swagger-ui.css"
    with httpx.stream("GET", url, headers={"accept-encoding": accepted}) as answer:
        raw = b"".join(answer.iter_raw())
    content = gzip.decompress(raw) if "gzip" in accepted else raw
    assert (answer.headers.get("content-encoding") == "gzip") == ("gzip" in accepted)
    assert hashlib.sha256(content).hexdigest() == DIGESTS["swagger-ui.css"]


@pytest.mark.parametrize("path", ["/docs/page.html", "/docs/..%2Fapp.py", "/docs/LICENSE", "/redoc", "/docs/x/y"])
def test_nothing_else_is_there(server: RunningServer, path: str) -> None:
    answer = httpx.get(server.url + path)
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


def test_behind_a_prefix_the_page_names_its_files_there() -> None:
    with running_server() as running:
        running.app.root_path = "/speech"
        page = httpx.get(f"{running.url}/docs").text
    assert all(name.startswith(("/speech/", "data:")) for name in assets(page))
