"""Answers put together: segments with times, and where a loop in them begins, has its fifth copy, and ends."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

FOLDER = Path(__file__).parent


class Language(TypedDict):
    """``pace``: characters a second of ordinary speech. ``stop``: between sentences. ``end``: behind the last."""

    pace: float
    stop: str
    end: str
    short: list[str]
    filler: list[str]
    names: list[str]
    drill: str
    prayer: str
    text: list[str]


LANGUAGES: dict[str, Language] = json.loads((FOLDER / "languages.json").read_text("utf-8"))


@dataclass(slots=True)
class Writer:
    """Writes one answer the way the model does, and notes where in it things are."""

    rng: random.Random
    language: Language
    clock: float = 0.0
    text: str = "["
    marks: dict[str, int | None] = field(default_factory=lambda: {"onset": None, "fifth": None, "end": None})

    def sentence(self) -> str:
        """One or two things that are said, with an end."""
        first, second = self.rng.sample(self.language["text"], 2)
        number = f" {self.rng.randint(2, 99)}" if self.rng.random() < 0.15 else ""
        if self.rng.random() < 0.4:
            return first + number + self.language["end"]
        return first + self.language["stop"] + second + number + self.language["end"]

    def natural(self, text: str, *, haste: float = 1.0) -> float:
        """Seconds that somebody takes to say it."""
        return max(
            len(text) / (self.language["pace"] * self.rng.uniform(0.75, 1.3) * haste), self.rng.uniform(0.25, 0.6)
        )

    def segment(self, content: str, start: float, end: float, speaker: object = 0) -> None:
        """Write a whole segment."""
        self.open(start, end, speaker)
        self.text += json.dumps(content, ensure_ascii=False)[1:-1] + '"}'

    def open(self, start: float, end: float, speaker: object = 0) -> None:
        """Write a segment up to its content."""
        comma = "," if self.text[-1] == "}" else ""
        who = "" if speaker is None else f'"Speaker":{json.dumps(speaker)},'
        self.text += f'{comma}{{"Start":{number(start)},"End":{number(end)},{who}"Content":"'

    def say(
        self, content: str, *, speaker: object = None, seconds: float | None = None, gap: float | None = None
    ) -> None:
        """Somebody says something after the last."""
        start = self.clock + (
            self.rng.choice([0, 0, 0.1, 0.3, 0.8]) * self.rng.uniform(0.5, 1.5) if gap is None else gap
        )
        self.clock = start + (self.natural(content) if seconds is None else seconds)
        self.segment(content, start, self.clock, self.rng.randint(0, 2) if speaker is None else speaker)

    def talk(self, most: int) -> None:
        """Ordinary talk, of up to ``most`` segments."""
        for _ in range(self.rng.randint(0, most)):
            self.say(self.rng.choice(self.language["short"]) if self.rng.random() < 0.3 else self.sentence())

    def mark(self, name: str) -> None:
        self.marks[name] = len(self.text)


def number(seconds: float) -> str:
    """As the model writes times."""
    return f"{seconds:.2f}".rstrip("0").rstrip(".")
