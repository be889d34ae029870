"""The page about clients is the table of clients, and the table finds what is installed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.conformance import table
from tests.conformance.clients import CLIENTS, client


def test_the_page_is_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a change of the table: ``python -m tests.conformance.table``."""
    page = table.PAGE.read_text(encoding="utf-8")
    copied = tmp_path / "clients.md"
    copied.write_text(page, encoding="utf-8")
    monkeypatch.setattr(table, "PAGE", copied)
    table.record((), date(2026, 1, 2))
    assert copied.read_text(encoding="utf-8") == page


def test_a_run_is_noted_for_those_that_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied = tmp_path / "clients.md"
    copied.write_text(table.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(table, "PAGE", copied)
    before = copied.read_text(encoding="utf-8").splitlines()
    table.record(["openai (Python)"], date(2026, 1, 2))
    after = copied.read_text(encoding="utf-8").splitlines()
    (changed,) = (line for line in after if line not in before)
    version = client("openai (Python)").installed()
    assert version is not None
    assert changed.startswith(f"| openai (Python) | {version} | 2026-01-02 | ")
    assert len(after) == len(before)


def test_names_are_different_and_rows_whole() -> None:
    assert len({each.name for each in CLIENTS}) == len(CLIENTS) >= 20
    assert not [each.name for each in CLIENTS if "|" in each.name + each.does + each.here]
