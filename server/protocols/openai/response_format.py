"""The formats of an answer by their names. Without any import of weight: a command line shows them in its help."""

from __future__ import annotations

from enum import StrEnum


class ResponseFormat(StrEnum):
    """How the answer is written."""

    JSON = "json"
    TEXT = "text"
    SRT = "srt"
    VTT = "vtt"
    LRC = "lrc"
    VERBOSE_JSON = "verbose_json"
    DIARIZED_JSON = "diarized_json"


class TurnsFormat(StrEnum):
    """How it is told who spoke when, of a transcript that is there anyway."""

    RTTM = "rttm"


AnyFormat = ResponseFormat | TurnsFormat
"""What a transcript can be written as beside the format of the answer."""


def all_formats() -> tuple[AnyFormat, ...]:
    """Every one of them."""
    return (*ResponseFormat, *TurnsFormat)
