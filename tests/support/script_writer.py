"""Answers written by a script that can go on behind anything: whole segments, half of one, a forced beginning."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Self

_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Entry:
    """A segment as it is to be written. ``speaker``: None leaves it out."""

    start: float
    end: float
    speaker: int | str | None
    text: str

    @property
    def json(self) -> str:
        fields: dict[str, Any] = {"Start": round(self.start, 2), "End": round(self.end, 2)}
        if self.speaker is not None:
            fields["Speaker"] = self.speaker
        return json.dumps(fields | {"Content": self.text}, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Written:
    """An answer so far.

    Attributes:
        whole: its segments, as they stand.
        tail: what stands behind the last of them: nothing, a comma, an array's end, the beginning of a segment.
    """

    whole: tuple[dict[str, Any], ...]
    tail: str

    @classmethod
    def of(cls, answer: str) -> Self:
        whole: list[dict[str, Any]] = []
        place = done = len(answer) - len(answer.lstrip("[ \n"))
        while (place := answer.find("{", place)) >= 0:
            try:
                entry, place = _DECODER.raw_decode(answer, place)
            except ValueError:
                break
            whole.append(entry)
            done = place
        return cls(tuple(whole), answer[done:])

    def until(self, *contents: str) -> float:
        """Where the last segment ends of those with one of these contents; any where none is given."""
        ends = [entry.get("End") for entry in self.whole if not contents or entry.get("Content") in contents]
        return max((end for end in ends if isinstance(end, int | float)), default=0.0)

    def tells(self, words: str) -> bool:
        """A segment says this at least."""
        return any(words.strip() in str(entry.get("Content")) for entry in self.whole)

    @property
    def closed(self) -> bool:
        """Its array has ended."""
        return self.tail.strip().endswith("]")

    @property
    def open_start(self) -> float | None:
        """Where the segment begins that is begun, if that is known."""
        found = re.match(r',?\s*\{\s*"Start":(\d+(?:\.\d+)?),', self.tail)
        return float(found[1]) if found else None


class Pen:
    """Writes behind what is written, and keeps the commas.

    Attributes:
        in_segment: a segment is begun.
        in_content: what it says is begun, too.
    """

    def __init__(self, answer: str, written: Written) -> None:
        """``written``: what ``answer`` says so far."""
        self._bracket = "" if answer else "["
        self._tail = written.tail
        self._first = not written.whole
        self.in_segment = "{" in written.tail
        self.in_content = '"Content":"' in written.tail

    def segment(self, entry: Entry) -> str:
        """A whole segment. One that is begun is gone on with: with its times, and behind its words."""
        tail = self._tail.lstrip(",")
        lead = self.comma()
        return _rest(tail, entry) if tail.startswith("{") else lead + entry.json

    def opened(self, entry: Entry) -> str:
        """A segment up to the opening quote of its content, or what lacks of that."""
        if self.in_content:
            return ""
        return self.segment(Entry(entry.start, entry.end, entry.speaker, "")).removesuffix('"}')

    def comma(self) -> str:
        """What has to stand before a segment."""
        lead = self._bracket if self._first or self._tail else ","
        self._bracket, self._tail, self._first = "", "", False
        self.in_segment = self.in_content = False
        return lead

    def closed(self) -> str:
        """The array's end."""
        return self._bracket + "]"

    def another_array(self) -> str:
        """The array's end, and the beginning of another one."""
        lead = self.closed()
        self._bracket, self._first = "", True
        return lead + "\n["


def _rest(tail: str, entry: Entry) -> str:
    """What follows ``tail``, the beginning of a segment, so that it becomes ``entry`` as far as it still can."""
    if content := re.search(r'"Content":"((?:[^"\\]|\\.)*)$', tail):
        return _rest_of_content(content[1], json.dumps(entry.text, ensure_ascii=False)[1:-1]) + '"}'
    if entry.json.startswith(tail):
        return entry.json[len(tail) :]
    given = dict(re.findall(r'"(Start|End)":\s*(\d+(?:\.\d*)?)', tail))
    start = float(given.get("Start", entry.start))
    end = max(start, float(given.get("End", entry.end)))
    whole = Entry(start, end, entry.speaker, entry.text).json
    return whole[len(tail) :] if whole.startswith(tail) else _rest_by_names(tail, whole)


def _rest_of_content(content: str, text: str) -> str:
    common = next((i for i, pair in enumerate(zip(content, text, strict=False)) if pair[0] != pair[1]), None)
    if common is None:
        return text[len(content) :]
    return (" " * (not content.endswith(" "))) + text[common:].lstrip()


def _rest_by_names(tail: str, whole: str) -> str:
    """Where ``tail`` spells numbers otherwise: what ``whole`` has behind the last field that is begun in it."""
    name = re.findall(r'"\w+":', tail)[-1]
    value = tail[tail.rfind(name) + len(name) :]
    rest = whole[whole.find(name) + len(name) :]
    rest = rest[rest.find(",") :] if value else rest
    return rest[len(value) - len(value.rstrip(',"')) :]
