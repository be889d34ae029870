"""What is learned from: recordings and what is said in them, from JSON lines or from Microsoft's folders.

A line is an object with ``audio`` (a path, from the file's own folder) and ``segments``, each with ``start``, ``end``,
``text`` and mostly ``speaker``; ``hotwords`` and ``context`` are what a request would bring along. In Microsoft's
layout (finetuning-asr in their repository) such an object is a file of its own beside its recording, which calls the
recording ``audio_path`` and the hotwords ``customized_context``. The two kinds of names are taken in either place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.finetune.errors import DataError

_LONGEST = 1e9
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A segment: seconds from the recording's begin, who speaks (None for what is no speech, ``[Music]``), and what."""

    start: float
    end: float
    speaker: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A recording and the answer to it. ``where``: as messages call it."""

    where: str
    audio: Path
    segments: tuple[Spoken, ...]
    context: str | None = None

    @property
    def answer(self) -> str:
        """As the model writes it, and as Microsoft's own script has it written: compact, times of two decimals."""
        return json.dumps([_entry(each) for each in self.segments], ensure_ascii=False, separators=(",", ":"))


def _entry(segment: Spoken) -> dict[str, Any]:
    entry: dict[str, Any] = {"Start": round(segment.start, 2), "End": round(segment.end, 2)}
    if segment.speaker is not None:
        entry["Speaker"] = segment.speaker
    return entry | {"Content": segment.text}


@contextmanager
def told_of(line: Line) -> Iterator[None]:
    """What is wrong with its recording is told with the line's place."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{line.where}: {error}") from error


def read_lines(path: Path) -> list[Line]:
    """Of a file of JSON lines, or of a folder in Microsoft's layout, in order of its files' names.

    Raises DataError with the line's number or the file's name.
    """
    if path.is_dir():
        files = sorted(path.glob("*.json"))
        found = [_line(_parsed(_text(file), str(file)), path, str(file)) for file in files]
    elif path.is_file():
        found = list(_of_file(path))
    else:
        raise DataError(f"{path} is neither a file of JSON lines nor a folder of recordings with a JSON file each.")
    if not found:
        raise DataError(f"There is nothing to learn from in {path}.")
    return found


def _of_file(path: Path) -> Iterator[Line]:
    # Not splitlines, which also cuts at what may stand in a JSON string as it is: U+2028 and others.
    for number, text in enumerate(_text(path).split("\n"), start=1):
        if text.strip():
            where = f"{path}, line {number}"
            yield _line(_parsed(text, where), path.parent, where)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not written in UTF-8.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def _parsed(text: str, where: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()  # halves of characters
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: this is not JSON ({error}).") from error
    if not isinstance(content, dict):
        raise DataError(f"{where}: this is not a JSON object.")
    return content


def _line(content: dict[str, Any], folder: Path, where: str) -> Line:
    name = content.get("audio", content.get("audio_path"))
    if not isinstance(name, str) or not name:
        raise DataError(f"{where}: there is no audio, the path of a recording.")
    audio = folder / name
    try:
        there = audio.is_file()
    except OSError:  # such as a name that is too long
        there = False
    if not there:
        raise DataError(f"{where}: the recording {audio} does not exist.")
    segments = content.get("segments")
    if not isinstance(segments, list):
        raise DataError(f"{where}: there are no segments, a list; an empty one for a recording in which nobody speaks.")
    names: dict[str, int] = {}
    for each in segments:
        if not isinstance(each, dict):
            raise DataError(f"{where}: a segment is an object with start, end, text and speaker, and not {each!r}.")
    ordered = sorted(segments, key=lambda each: _seconds(each, "start", where))  # as the model writes them
    return Line(where, audio, tuple(_spoken(each, names, where) for each in ordered), _context(content, where))


def _spoken(content: dict[str, Any], names: dict[str, int], where: str) -> Spoken:
    """``names``: of the speakers so far, who are numbered in the order in which they first speak."""
    start, end = (_seconds(content, key, where) for key in ("start", "end"))
    text, speaker = content.get("text"), content.get("speaker")
    if end < start:
        raise DataError(f"{where}: a segment ends at {end} before it starts at {start}.")
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: the segment at {start} has no text.")
    if isinstance(speaker, str):
        speaker = names.setdefault(speaker, len(names))
    if speaker is not None and (not isinstance(speaker, int) or isinstance(speaker, bool) or speaker < 0):
        raise DataError(f"{where}: a speaker is a number from 0 on or a name, and not {speaker!r}.")
    return Spoken(start, end, speaker, text.strip())


def _seconds(content: dict[str, Any], key: str, where: str) -> float:
    value = content.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < _LONGEST:
        raise DataError(f"{where}: {key} of a segment is a number of seconds, and not {value!r}.")
    return float(value)


def _context(content: dict[str, Any], where: str) -> str | None:
    """One to a line, as the model was trained: Microsoft's script joins ``customized_context`` so."""
    hotwords = content.get("hotwords", content.get("customized_context"))
    context = content.get("context")
    hotwords, context = [] if hotwords is None else hotwords, "" if context is None else context
    if isinstance(hotwords, str):
        hotwords = [hotwords]
    if not isinstance(hotwords, list) or not all(isinstance(each, str) for each in [*hotwords, context]):
        raise DataError(f"{where}: hotwords are a list of texts, and context is a text.")
    return "\n".join(told for each in [context, *hotwords] if (told := each.strip())) or None


def digest(lines: list[Line]) -> str:
    """Tells whether it is the same that is learned from, wherever it lies."""
    told = json.dumps([(each.audio.name, each.answer, each.context) for each in lines])
    return hashlib.sha256(told.encode()).hexdigest()
