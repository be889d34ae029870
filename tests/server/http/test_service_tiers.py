"""Who may go first, where that is asked for, and that it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.http.conftest import assert_envelope, tone
from tests.support.scripted_server import PATIENCE, RunningServer, running_server
from tests.support.speaking_runner import SpeakingRunner, endless_answer

PATH = "/v1/audio/transcriptions"
USUAL, URGENT = "sk-usual", "sk-urgent"


@pytest.fixture(scope="module")
def tiered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One request is computed at a time, and four places."""
    file: Path = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(f"{USUAL}\n{URGENT} priority=yes\n")
    with running_server(
        partial(SpeakingRunner, step_seconds=0.004), api_keys_file=file, max_rows=1, max_requests=4
    ) as running:
        yield running


def post(server: RunningServer, key: str, query: str = "", **data: Any) -> httpx.Response:
    return httpx.post(
        f"{server.url}{PATH}{query}",
        headers={"authorization": f"Bearer {key}"},
        files={"file": tone(1.0)},
        data=data,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("tier", ["auto", "default", "flex", "Priority", ""])
def test_tiers_that_keys_may_have(tiered: RunningServer, tier: str) -> None:
    assert post(tiered, URGENT, prompt="[]", service_tier=tier).status_code == 200
    assert post(tiered, URGENT, f"?service_tier={tier}", prompt="[]").status_code == 200
    if tier != "Priority":
        assert post(tiered, USUAL, f"?service_tier={tier}", prompt="[]", service_tier=tier).status_code == 200


def test_who_may_not_go_first(tiered: RunningServer) -> None:
    assert_envelope(post(tiered, USUAL, "?service_tier=priority"), 403, "service_tier_not_allowed", "service_tier")
    assert_envelope(post(tiered, USUAL, service_tier="priority"), 403, "service_tier_not_allowed", "service_tier")
    deepgram = httpx.post(
        f"{tiered.url}/v1/listen?service_tier=priority",
        headers={"authorization": f"Token {USUAL}"},
        content=tone(0.5),
        timeout=PATIENCE,
    )
    assert (deepgram.status_code, deepgram.json()["err_code"]) == (403, "SERVICE_TIER_NOT_ALLOWED")


@pytest.mark.parametrize(("query", "data"), [("?service_tier=first", {}), ("", {"service_tier": "first"})])
def test_what_is_no_tier(tiered: RunningServer, query: str, data: dict[str, str]) -> None:
    assert_envelope(post(tiered, URGENT, query, **data), 400, "invalid_value", "service_tier")


@contextmanager
def in_work(server: RunningServer, waiting: int, ended: list[str]) -> Iterator[None]:
    """One request is computed, and so many wait behind it; in the end it leaves, and they are answered."""

    def ask(name: str) -> None:
        assert post(server, USUAL).status_code == 200
        ended.append(name)

    threads = [threading.Thread(target=ask, args=(f"usual {number}",)) for number in range(waiting)]
    form = {"files": {"file": tone(120.0, rate=8_000)}, "data": {"prompt": endless_answer()[:8_000], "stream": "true"}}
    headers = {"authorization": f"Bearer {USUAL}"}
    with httpx.stream("POST", f"{server.url}{PATH}", headers=headers, timeout=PATIENCE, **form) as answer:  # type: ignore[arg-type]
        lines = answer.iter_lines()
        next(lines)
        for thread in threads:
            thread.start()
        server.wait_for(lambda: server.metric("asr_waiting_streams") == waiting, "they wait")
        yield
    for thread in threads:
        thread.join(PATIENCE)
    server.wait_for(lambda: server.metric("asr_queue_requests") == 0, "all are answered")


@pytest.mark.parametrize(("query", "data"), [("?service_tier=priority", {}), ("", {"service_tier": "priority"})])
def test_it_is_answered_before_those_that_came_first(tiered: RunningServer, query: str, data: dict[str, str]) -> None:
    ended: list[str] = []

    def ask() -> None:
        assert post(tiered, URGENT, query, **data).status_code == 200
        ended.append("urgent")

    urgent = threading.Thread(target=ask)
    with in_work(tiered, 2, ended):
        urgent.start()
        tiered.wait_for(lambda: tiered.metric("asr_waiting_streams") == 3, "it waits behind two")
    urgent.join(PATIENCE)
    assert ended.index("urgent") <= 1, ended


def test_it_finds_room_behind_a_full_queue(tiered: RunningServer) -> None:
    answered: list[httpx.Response] = []
    urgent = threading.Thread(target=lambda: answered.append(post(tiered, URGENT, "?service_tier=priority")))
    with in_work(tiered, 3, []):
        assert tiered.metric("asr_queue_requests") == 4
        assert_envelope(post(tiered, USUAL), 429, "overloaded")
        urgent.start()
        tiered.wait_for(lambda: tiered.metric("asr_waiting_streams") == 4, "it is let in")
    urgent.join(PATIENCE)
    assert answered[0].status_code == 200
