"""The page: served here alone and without a key, under a strict policy, in two languages that say the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import server as package
from server.http.routes.page import paths
from tests.support.scripted_server import RunningServer, running_server

WEB = Path(package.__file__).parent / "web"
LANGUAGES = ("en", "de")
NOT_SAID = re.compile(r"[^\W\d_]{2}")
VALUES = re.compile(r"\{\w+\}")
COMMANDS = ("vibevoice-asr-server ", "make serve ", "ssh -L ")
EVENTS = "transcript.text."
KEYS = re.compile(r"""["'`]((?:\w+\.)+[\w${}().]+)["'`]""")


def scripts(*rooms: str) -> Iterator[Path]:
    """Those of the page but for ``rooms`` in js/."""
    return (path for path in WEB.glob("js/**/*.js") if path.relative_to(WEB / "js").parts[0] not in rooms)


@pytest.fixture(scope="module")
def strings() -> dict[str, dict[str, str]]:
    """Of all rooms of the page."""
    rooms = ("page.json", "live.json")
    return {
        tag: {key: text for room in rooms for key, text in json.loads((WEB / "lang" / tag / room).read_text()).items()}
        for tag in LANGUAGES
    }


def test_everything_that_is_there_is_served_without_a_key(guarded_server: RunningServer) -> None:
    served = {str(path.relative_to(WEB)) for path in WEB.rglob("*") if path.is_file()}
    assert {f"/web/{name}" for name in served} < set(paths())
    for path in paths():
        answer = httpx.get(guarded_server.url + path)
        assert answer.status_code == 200, path
        assert answer.headers["cache-control"] == "no-cache"
    assert httpx.get(f"{guarded_server.url}/v1/models").status_code == 401


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html; charset=utf-8"),
        ("/web/js/main.js", "text/javascript; charset=utf-8"),
        ("/web/css/base.css", "text/css; charset=utf-8"),
        ("/web/lang/de/page.json", "application/json; charset=utf-8"),
        ("/web/icon.svg", "image/svg+xml"),
        ("/web/samples/short.flac", "audio/flac"),
    ],
)
def test_files_say_what_they_are_and_are_sent_once(server: RunningServer, path: str, kind: str) -> None:
    first = httpx.get(server.url + path)
    assert first.headers["content-type"] == kind
    assert first.headers["x-content-type-options"] == "nosniff"
    again = httpx.get(server.url + path, headers={"if-none-match": f'"other", W/{first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    head = httpx.head(server.url + path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(first.content))


def test_nothing_runs_in_the_page_but_its_files(server: RunningServer) -> None:
    page = httpx.get(f"{server.url}/")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "microphone=(self)" in page.headers["permissions-policy"]
    assert re.findall(r"<script[^>]*>([^<]*)", page.text) == [""]
    assert "<style" not in page.text
    assert re.search(r"\s(?:on\w+|style)=", page.text) is None
    assert "http" not in page.text


@pytest.mark.parametrize(
    "path",
    [
        "/web",
        "/web/",
        "/web/nothing.js",
        "/web/js",
        "/web/index",
        "/web/../app.py",
        "/web/..%2Fapp.py",
        "/web/%2e%2e/app.py",
        "/web/js/..%2F..%2F..%2Fapp.py",
        "/web/samples/../checkpoint/config.json",
        "/web//etc/passwd",
        "/index.html",
        "/web/transcript",
    ],
)
def test_nothing_else_is_there(server: RunningServer, path: str) -> None:
    with httpx.Client() as client:
        request = client.build_request("GET", server.url)
        request.url = request.url.copy_with(raw_path=path.encode())  # as it stands: httpx resolves dots
        answer = client.send(request)
    assert answer.status_code in (404, 405), answer.text
    assert answer.json()["error"]["message"]


def test_behind_a_prefix_the_page_names_its_files_there() -> None:
    with running_server() as running:
        running.app.root_path = "/speech"
        page = httpx.get(f"{running.url}/").text
    named = re.findall(r'(?:src|href)="([^"#]+)"', page)
    assert all(name.startswith("/speech/web/") for name in named if "web" in name)
    assert "/speech/web/js/main.js" in named


def test_without_the_page_there_is_nothing() -> None:
    with running_server(page=False) as running:
        for path in ("/", "/web/js/main.js", "/web/transcript"):
            assert httpx.get(running.url + path).status_code == 404
        assert httpx.get(f"{running.url}/docs").status_code == 200


def test_languages_say_the_same(strings: dict[str, dict[str, str]]) -> None:
    english, german = (strings[tag] for tag in LANGUAGES)
    assert list(english) == list(german)
    for key, text in english.items():
        assert text.strip(), key
        assert german[key].strip(), key
        assert set(VALUES.findall(text)) == set(VALUES.findall(german[key])), key


def test_every_string_is_used_and_every_key_is_there(strings: dict[str, dict[str, str]]) -> None:
    code = "\n".join(path.read_text() for path in scripts()) + (WEB / "index.html").read_text()
    rooms = {key.split(".")[0] for key in strings["en"]}
    named = {key for key in KEYS.findall(code) if key.split(".")[0] in rooms and not key.startswith(EVENTS)}
    made = {re.sub(r"\$\{.*", "", key) for key in named if "$" in key}
    assert {key for key in named if "$" not in key} <= set(strings["en"])
    unused = [key for key in strings["en"] if key not in named and not key.startswith(tuple(made))]
    assert not unused


def test_no_words_for_readers_stand_in_the_code() -> None:
    """Texts between tags, and texts that are given to elements as they are."""
    page = re.sub(r"<noscript>.*?</noscript>|<title>.*?</title>", "", (WEB / "index.html").read_text())
    shown = [text for text in re.findall(r">([^<>]+)<", page) if NOT_SAID.search(text)]
    assert shown == ["VibeVoice-ASR"]
    for path in scripts():
        for text in re.findall(r"""(?:textContent = |\}, )["'`]([^"'`]*)["'`]""", path.read_text()):
            said = re.sub(r"\$\{[^}]*\}", "", text)
            assert not NOT_SAID.search(said) or said.startswith(COMMANDS), (path.name, text)


def test_nothing_is_asked_of_other_hosts() -> None:
    for path in WEB.rglob("*"):
        if path.suffix in {".js", ".css", ".html", ".svg"}:
            found = re.findall(r"https?://[^\s\"'`)]+", path.read_text())
            asked = [each for each in found if not each.startswith("http://localhost:")]  # named as a cure
            assert set(asked) <= {"http://www.w3.org/2000/svg"}, path.name
