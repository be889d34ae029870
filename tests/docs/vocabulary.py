"""The words of the tiny checkpoint, as its card lists them: by kind, under the names that the page has for these."""

from __future__ import annotations

import json

from tests.support.processes import ROOT
from tests.support.samples import SAMPLES

_ENGLISH = ROOT / "server" / "web" / "lang" / "en" / "page.json"


def words() -> str:
    """All of them."""
    kinds: dict[str, list[str]] = json.loads((SAMPLES / "words.json").read_text())
    names: dict[str, str] = json.loads(_ENGLISH.read_text())
    count = len({word for said in kinds.values() for each in said for word in each.split()})
    rows = "".join(f"| {names[f'tiny.words.{kind}']} | {', '.join(said)} |\n" for kind, said in kinds.items())
    return f"All {count} of them:\n\n| kind | words |\n|---|---|\n{rows}"
