"""What holds for all tests."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[1]
_SLOW = [
    _ROOT / name
    for name in (
        "tests/bench/live/test_ways.py",
        "tests/bench/rehearsal/test_steps.py",
        "tests/browser",
        "tests/conformance",
        "tests/deploy/test_haproxy.py",
        "tests/deploy/test_live_restart.py",
        "tests/docs/test_commands.py",
        "tests/load",
        "tests/model/test_bfloat16.py",
        "tests/real/test_live_resume.py",
        "tests/server/http/test_long_talks.py",
        "tests/server/http/test_taught_adapter.py",
        "tests/test_walls.py",
    )
]
"""Few tests that take two fifths of all time: browsers, clients, whole pages, and all ways of doing a thing."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`make test` leaves to `make test-slow` what is slow; CI runs both."""
    if gone := [path for path in _SLOW if not path.exists()]:
        raise pytest.UsageError(f"tests/conftest.py calls slow what is not there: {', '.join(map(str, gone))}")
    for item in items:
        if any(item.path.is_relative_to(path) for path in _SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session", autouse=True)
def authorities_are_read_once() -> Iterator[None]:
    """Every HTTP client reads all certificate authorities when it is made, which takes longer than most requests here.

    Contexts may be shared: whoever asks for the same authorities gets the same one. Without a file of its own, a
    context trusts those that OpenSSL's variables name at that moment, and a test may have set them.
    """
    make = ssl.create_default_context

    @cache
    def one(_environment: tuple[str | None, ...], *which: Any, **authorities: Any) -> ssl.SSLContext:
        return make(*which, **authorities)

    def shared(*which: Any, **authorities: Any) -> ssl.SSLContext:
        return one((os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")), *which, **authorities)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ssl, "create_default_context", shared)
        yield
