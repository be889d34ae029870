"""The checkpoint: whether it is there and whole, and how much audio this device holds with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from server.commandline.doctor.check import Check, fail, ok
from server.commandline.models.about import about

_GIB = 1 << 30


def checks(overrides: Mapping[str, str | None]) -> Iterator[Check]:
    """By the settings, with these in place of theirs."""
    return judged(about(overrides))


def judged(found: Mapping[str, Any]) -> Iterator[Check]:
    """``found``: what `about` found."""
    if "folder" not in found:
        yield fail("checkpoint", f"{found['model']}: {found['problem']}", "or try the bundled one: --model tiny")
        return
    if found["missing"]:
        yield fail("checkpoint", f"{found['model']} is not complete", found["problem"])
    else:
        yield ok("checkpoint", f"{found['model']} in {found['folder']}")
    yield ok("tokenizer", "read, and of this family")
    yield ok("attention", f"{found['attention']} on {found['device']} in {found['dtype']}")
    yield ok("durations", f"{found['weight_bytes'] / _GIB:.1f} GiB of weights; {found['summary']}")
