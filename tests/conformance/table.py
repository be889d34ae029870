"""The tables of docs/clients.md and README.md; ``python -m tests.conformance.table`` writes them with the dates known.

`make conformance` notes the version and the day of every client whose tests all passed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date
from pathlib import Path

from tests.conformance.clients import CLIENTS
from tests.support.processes import ROOT

PAGE = ROOT / "docs" / "clients.md"
README = ROOT / "README.md"
"""Has the clients, versions and days alone."""
_BLOCK = re.compile(r"(?<=<!-- clients -->\n).*(?=<!-- /clients -->)", re.DOTALL)
_ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<version>[^|]+) \| (?P<day>[^|]+) \|", re.MULTILINE)
_HEAD = "| client | version | last run | what it does in the tests | how it is pointed here |\n|---|---|---|---|---|\n"
_BRIEF_HEAD = "| client | version | last run |\n|---|---|---|\n"
_NEVER = ("–", "–")


def record(passed: Collection[str], day: date) -> None:
    """Write the tables. Clients that ``passed`` get the version that is installed and ``day``; others keep theirs."""
    page = PAGE.read_text(encoding="utf-8")
    known = {row["name"]: (row["version"], row["day"]) for row in _ROW.finditer(page)}
    known |= {client.name: (client.installed() or "–", day.isoformat()) for client in CLIENTS if client.name in passed}
    seen = [(client, " | ".join((client.name, *known.get(client.name, _NEVER)))) for client in CLIENTS]
    _write(PAGE, _HEAD + "".join(f"| {told} | {client.does} | {client.here} |\n" for client, told in seen))
    _write(README, _BRIEF_HEAD + "".join(f"| {told} |\n" for _, told in seen))


def _write(page: Path, table: str) -> None:
    page.write_text(_BLOCK.sub(lambda _: table, page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    record((), date.min)
