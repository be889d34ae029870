"""What the tests of all clients share: a server with a key, scripts that tell what a client received, and a record."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Generator, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.conformance.clients import client
from tests.conformance.table import record
from tests.support.processes import ROOT, ServerProcess
from tests.support.samples import TWO_SPEAKERS

KEY = "conformance-key"
CLIENT_DEADLINE = 300.0
"""Seconds for a client to start, to send the recording and to get its text, on a busy machine."""

Told = list[dict[str, Any]]
"""What a client received, in order, as its script tells it."""

_OUTCOMES = pytest.StashKey[dict[str, set[str]]]()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    log = tmp_path_factory.mktemp("server") / "log"
    with ServerProcess("--api-keys", KEY, log=log) as server:
        server.wait_ready()
        yield server


@pytest.fixture(scope="module")
def turns(server: ServerProcess) -> list[dict[str, Any]]:
    """Who says what when in the sample of two speakers, as the server tells it to no client at all."""
    with TWO_SPEAKERS.open("rb") as file:
        answer = httpx.post(
            f"{server.url}/v1/audio/transcriptions",
            headers={"authorization": f"Bearer {KEY}"},
            files={"file": file},
            data={"response_format": "diarized_json"},
            timeout=120,
        )
    assert answer.status_code == httpx.codes.OK
    segments: list[dict[str, Any]] = answer.json()["segments"]
    return segments


@pytest.fixture(scope="module")
def said(turns: list[dict[str, Any]]) -> str:
    """All that is said in it."""
    return " ".join(turn["text"] for turn in turns)


def told_by(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Told:
    """What the script of a client told, a JSON object a line."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=CLIENT_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-clients", action="store_true", help="note the versions of the clients that passed in docs/clients.md"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_OUTCOMES] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A client that is not in the table is a mistake."""
    for item in items:
        for name in _clients(item):
            client(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    for name in _clients(item):
        item.config.stash[_OUTCOMES].setdefault(name, set()).add(report.outcome)
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--record-clients", default=False):
        outcomes = session.config.stash[_OUTCOMES]
        record([name for name, seen in outcomes.items() if seen == {"passed"}], datetime.now(UTC).date())


def _clients(item: pytest.Item) -> list[str]:
    return [name for mark in item.iter_markers("client") for name in mark.args]
