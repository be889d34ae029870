"""The name in front of what somebody says."""

from __future__ import annotations

from server.transcript.formats.subtitles.columns import columns
from server.transcript.formats.subtitles.pieces import visible
from server.transcript.word_breaks import graphemes

_LONGEST = 20
"""Columns of a name; less than half of the usual line."""


def shown_name(name: str) -> str:
    """A name as it stands in subtitles: in one line, and cut where it is long."""
    name = visible(name)
    if columns(name) <= _LONGEST:
        return name
    kept = graphemes(name)
    while columns("".join(kept)) >= _LONGEST:
        kept.pop()
    return "".join(kept).rstrip() + "…"


def prefix(name: str | None) -> str:
    """What stands in front of the words: ``Ada: ``; nothing where nobody is named."""
    return f"{name}: " if name else ""


def prefix_columns(name: str | None) -> int:
    """And how wide it is."""
    return columns(prefix(name))
