"""The pages have the table of clients, and the table finds what is installed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.conformance import table
from tests.conformance.clients import CLIENTS, client


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Copies of the page and of README."""
    copies = []
    for name in ("PAGE", "README"):
        page: Path = getattr(table, name)
        copies.append(tmp_path / page.name)
        copies[-1].write_text(page.read_text(encoding="utf-8"), encoding="utf-8")
        monkeypatch.setattr(table, name, copies[-1])
    return copies


def test_the_pages_are_up_to_date(pages: list[Path]) -> None:
    """After a change of the table: ``python -m tests.conformance.table``."""
    before = [page.read_text(encoding="utf-8") for page in pages]
    table.record((), date(2026, 1, 2))
    assert [page.read_text(encoding="utf-8") for page in pages] == before


def test_a_run_is_noted_for_those_that_passed(pages: list[Path]) -> None:
    before = [page.read_text(encoding="utf-8").splitlines() for page in pages]
    table.record(["openai (Python)"], date(2026, 1, 2))
    after = [page.read_text(encoding="utf-8").splitlines() for page in pages]
    changed, brief = ([line for line in new if line not in old] for new, old in zip(after, before, strict=True))
    version = client("openai (Python)").installed()
    assert version is not None
    assert [line[: line.index(" | all")] + " |" for line in changed] == brief
    assert brief == [f"| openai (Python) | {version} | 2026-01-02 |"]
    assert [*map(len, after)] == [*map(len, before)]


def test_names_are_different_and_rows_whole() -> None:
    assert len({each.name for each in CLIENTS}) == len(CLIENTS) >= 20
    assert not [each.name for each in CLIENTS if "|" in each.name + each.does + each.here]
