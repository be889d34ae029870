"""The four fields of a segment as models write them: key variants, times and speakers as numbers or text."""

from __future__ import annotations

import re
from enum import StrEnum


class Field(StrEnum):
    """What a key of a segment's object means."""

    START = "start"
    END = "end"
    SPEAKER = "speaker"
    CONTENT = "content"


_FIELDS = {
    "start": Field.START,
    "starttime": Field.START,
    "end": Field.END,
    "endtime": Field.END,
    "speaker": Field.SPEAKER,
    "speakerid": Field.SPEAKER,
    "content": Field.CONTENT,
    "text": Field.CONTENT,
}
_SECONDS = re.compile(r"(-?)(?:(?:(\d+):)?(\d+):)?(\d+(?:[.,]\d*)?(?:[eE][+-]?\d+)?)\s*s?", re.ASCII)
_SPEAKER = re.compile(r"(?:(?:speaker|spk)[\s_:#-]*)?(\d{1,4})(?:\.0*)?", re.ASCII | re.IGNORECASE)


def field_of(key: str) -> Field | None:
    """The field a key names, whatever its case, blanks and underscores (``Start time``, ``speaker_id``)."""
    return _FIELDS.get("".join(letter for letter in key.lower() if letter.isalpha()))


def parse_seconds(value: str) -> float | None:
    """Seconds from ``3.25``, ``3,25 s``, ``00:03.25`` or ``1:00:03.25``; None for anything else."""
    found = _SECONDS.fullmatch(value.strip())
    if found is None:
        return None
    sign, hours, minutes, seconds = found.groups()
    total = float(hours or 0) * 3600 + float(minutes or 0) * 60 + float(seconds.replace(",", "."))
    return -total if sign else total


def parse_speaker(value: str) -> int | None:
    """A speaker's number from ``1``, ``Speaker 1`` or ``speaker_1``; None for ``null`` and anything else."""
    found = _SPEAKER.fullmatch(value.strip())
    return int(found[1]) if found else None
