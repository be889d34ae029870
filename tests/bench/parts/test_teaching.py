"""The table of what teaching takes is what the code computes for the real geometry."""

from __future__ import annotations

from bench.parts.teaching import HEAD, table
from tests.support.processes import ROOT


def test_the_page_has_the_table_that_is_computed() -> None:
    page = (ROOT / "docs" / "finetuning.md").read_text("utf-8")
    block = page.partition("<!-- teaching: written by the command -->")[2].partition("<!-- end of teaching -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if line[:1] == "|"]
    assert rows[0] == HEAD
    assert rows[2:] == table(rank=16)
