"""References as the field keeps them: JSON of several shapes, STM, RTTM, plain text; and what a server answers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from server.evaluation.turns import Reference, Turn

WITH_WORDS = ("json", "stm", "txt")
"""Endings of files that have what was said, the one first that says most."""
WITH_SPEAKERS = "rttm"
"""Ending of files that have who speaks when, and no words."""
_NAMES = {
    "text": ("text", "content", "words", "transcript"),
    "start": ("start", "start_time", "start time", "begin"),
    "end": ("end", "end_time", "end time"),
    "speaker": ("speaker", "speaker_id", "speaker id"),
}
"""The model's own keys, of diarized JSON, of SegLST and of Microsoft's files for finetuning, all in lower case."""
_Row = TypeVar("_Row")
_STM_FIELDS = 5
_RTTM_FIELDS = 8


class UnreadableReferenceError(Exception):
    """``str`` of it: what is wrong, without the file's name."""


def read_reference(files: Sequence[Path], recording: str) -> Reference:
    """One reference out of files that add to each other: words of one, speakers of another.

    Args:
        files: of one recording, or of a corpus where they say of which recording a line is.
        recording: how those call it: its name without the ending.

    Raises UnreadableReferenceError, with the file's name.
    """
    turns: list[Turn] = []
    speech: list[Turn] | None = None
    for file in files:
        try:
            text = file.read_text("utf-8-sig")
            if file.suffix.lower() == f".{WITH_SPEAKERS}":
                speech = _of_rttm(text, recording)
            else:
                turns = _turns(file.suffix.lower(), text, recording)
        except UnreadableReferenceError as error:
            raise UnreadableReferenceError(f"{file}: {error}") from None
        except OSError as error:
            raise UnreadableReferenceError(f"{file} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UnreadableReferenceError(f"{file}: this is not UTF-8 text") from None
    return Reference(turns, speech)


def turns_of(body: object, recording: str | None = None) -> list[Turn]:
    """Turns of JSON: a list of them, or an object that has one as its ``segments``. Raises UnreadableReferenceError.

    ``recording``: of a list that is of several (SegLST's ``session_id``), only its turns; there have to be some.
    """
    segments = body.get("segments", body.get("text")) if isinstance(body, Mapping) else body
    if isinstance(segments, str):
        return [Turn(segments)]
    if not isinstance(segments, Sequence):
        raise UnreadableReferenceError("there is no list of segments in it")
    sessions = [str(each.get("session_id")) if isinstance(each, Mapping) else None for each in segments]
    return [_turn(each) for each in _of_recording(segments, sessions, recording)]


def _turns(suffix: str, text: str, recording: str) -> list[Turn]:
    if suffix == ".stm":
        return _of_stm(text, recording)
    if suffix != ".json":
        return [Turn(line) for line in text.splitlines() if line.strip()]
    try:
        return turns_of(json.loads(text), recording)
    except ValueError as error:
        raise UnreadableReferenceError(f"this is not JSON ({error})") from None


def _turn(segment: object) -> Turn:
    if not isinstance(segment, Mapping):
        raise UnreadableReferenceError(f"{segment!r} is not a segment")
    lowered = {str(key).lower(): value for key, value in segment.items()}
    found = {name: next((lowered[key] for key in keys if key in lowered), None) for name, keys in _NAMES.items()}
    if not isinstance(found["text"], str):
        raise UnreadableReferenceError(f"a segment has no text: {dict(segment)!r}")
    speaker = found["speaker"]
    return Turn(
        found["text"],
        _seconds(found["start"]),
        _seconds(found["end"]),
        None if speaker is None or speaker == "" else str(speaker),
    )


def _of_stm(text: str, recording: str) -> list[Turn]:
    """``recording channel speaker start end [<labels>] words``, a line each; ``;;`` is a comment."""
    rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith(";;")]
    turns = []
    for row in _of_recording(rows, [row[0] for row in rows], recording):
        if len(row) < _STM_FIELDS:
            raise UnreadableReferenceError(f"{' '.join(row)!r} is not a line of an STM file")
        words = row[_STM_FIELDS:]
        labelled = bool(words) and words[0].startswith("<") and words[0].endswith(">")
        said = " ".join(words[labelled:])
        if said.lower() != "ignore_time_segment_in_scoring":
            turns.append(Turn(said, _seconds(row[3]), _seconds(row[4]), row[2]))
    return turns


def _of_rttm(text: str, recording: str) -> list[Turn]:
    """``SPEAKER recording channel start seconds <NA> <NA> speaker``, a line each."""
    rows = [row for row in map(str.split, text.splitlines()) if row[:1] == ["SPEAKER"]]
    turns = []
    for row in _of_recording(rows, [row[1] if len(row) > 1 else None for row in rows], recording):
        if len(row) < _RTTM_FIELDS:
            raise UnreadableReferenceError(f"{' '.join(row)!r} is not a line of an RTTM file")
        start, seconds = _seconds(row[3]), _seconds(row[4])
        assert start is not None
        assert seconds is not None
        turns.append(Turn("", start, start + seconds, row[7]))
    return turns


def _of_recording(rows: Sequence[_Row], owners: Sequence[str | None], recording: str | None) -> Sequence[_Row]:
    """Those of this recording; all of them where the file is of one alone, whatever that calls it.

    ``owners``: of which recording each row is. What is none, and so of nobody, is left for who reads it.
    """
    names = {owner for owner in owners if owner is not None}
    if len(names) <= 1:
        return rows
    if recording not in names:
        raise UnreadableReferenceError(f"it is of several recordings, and of none that is called {recording}")
    return [row for row, owner in zip(rows, owners, strict=True) if owner in (recording, None)]


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)  # type: ignore[arg-type]  # what it cannot take is told
    except (TypeError, ValueError):
        seconds = math.nan
    if not math.isfinite(seconds):
        raise UnreadableReferenceError(f"{value!r} is not a time in seconds")
    return seconds
