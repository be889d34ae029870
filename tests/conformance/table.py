"""The table in docs/clients.md: ``python -m tests.conformance.table`` writes it anew, with the dates that it has.

`make conformance` notes the version and the day of every client whose tests all passed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from tests.conformance.clients import CLIENTS, Client
from tests.support.processes import ROOT

PAGE = ROOT / "docs" / "clients.md"
_BLOCK = re.compile(r"(?<=<!-- clients -->\n).*(?=<!-- /clients -->)", re.DOTALL)
_ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<version>[^|]+) \| (?P<day>[^|]+) \|", re.MULTILINE)
_HEAD = "| client | version | last run | what it does in the tests | how it is pointed here |\n|---|---|---|---|---|\n"
_NEVER = ("–", "–")


def record(passed: Collection[str], day: date) -> None:
    """Write the table. Clients that ``passed`` get the version that is installed and ``day``; others keep theirs."""
    page = PAGE.read_text(encoding="utf-8")
    known = {row["name"]: (row["version"], row["day"]) for row in _ROW.finditer(page)}
    known |= {client.name: (client.installed() or "–", day.isoformat()) for client in CLIENTS if client.name in passed}
    rows = "".join(_row(client, *known.get(client.name, _NEVER)) for client in CLIENTS)
    PAGE.write_text(_BLOCK.sub(lambda _: _HEAD + rows, page), encoding="utf-8")


def _row(client: Client, version: str, day: str) -> str:
    return f"| {client.name} | {version} | {day} | {client.does} | {client.here} |\n"


if __name__ == "__main__":
    record((), date.min)
