"""What was done before with the same options, so that it is not done again.

Each folder with results has a list ``.vibevoice-asr.json``: by the name of a result, a digest of how it was made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock

from server.commandline.faults import Fault
from server.commandline.transcribe.places import write

LIST = ".vibevoice-asr.json"
_WRITING = Lock()
"""Recordings that run side by side end at any time."""


def digest_of(fields: Sequence[tuple[str, str]], model: Mapping[str, str | None]) -> str:
    """Of everything that decides what a result is, but for the recording and the format."""
    told = json.dumps([sorted(fields), sorted(model.items(), key=str)])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def is_done(source: Path, results: Sequence[Path], digest: str) -> bool:
    """All of them are there, are newer than the recording, and were made like this."""
    try:
        changed = source.stat().st_mtime
        newer = all(result.stat().st_mtime >= changed for result in results)
    except OSError:
        return False
    return newer and all(_listed(result.parent).get(result.name) == digest for result in results)


def note(results: Sequence[Path], digest: str) -> None:
    """They were made like this. A folder in which no list can be written only means that they are made again."""
    for folder in {result.parent for result in results}:
        names = {result.name: digest for result in results if result.parent == folder}
        with _WRITING, suppress(Fault):
            write(folder / LIST, json.dumps(_listed(folder) | names, indent=1, sort_keys=True) + "\n")


def _listed(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / LIST).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
