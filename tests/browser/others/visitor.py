"""Somebody at a browser, in the few words that every way of driving one has."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

PATIENCE = 60.0
"""Seconds that something may take to be seen, on a busy machine; nothing waits for as long where all is well."""
LOOK = 0.1
"""Seconds between two looks at what nobody tells of."""


class Visitor(Protocol):
    """One page in one browser that nobody else uses. ``css``: a selector; its first element in sight is meant."""

    def open(self, url: str) -> None: ...

    def reload(self) -> None: ...

    def sees(self, script: str) -> Any:
        """What an expression of JavaScript is in the page."""
        ...

    def waits_for(self, condition: str) -> None:
        """Until an expression is true. Fails, with what the page shows, where it does not become so."""
        ...

    def clicks(self, css: str) -> None:
        """As a finger does: there has to be something, and nothing over it."""
        ...

    def chooses(self, css: str, file: Path) -> None:
        """A file, in the dialog that the browser shows for a field."""
        ...

    def saved(self, name: str) -> bytes:
        """What was downloaded under this name, when it is whole."""
        ...


def whole(folder: Path, name: str) -> bytes:
    """A file that a browser saves somewhere in ``folder``, when there is something in it and no more comes."""
    until, before = time.monotonic() + PATIENCE, b""
    while True:
        found = [file.read_bytes() for file in folder.rglob(name)]
        if found and found[0] and found[0] == before:
            return found[0]
        before = found[0] if found else b""
        assert time.monotonic() < until, f"{name} is not saved"
        time.sleep(LOOK)
