"""What an evaluation found, as it stands in a file: transcripts too, so that they can be counted by other rules."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from server.commandline.faults import UsageFault
from server.commandline.transcribe.places import write
from server.evaluation.figures import Figures
from server.evaluation.pooling import METRICS, Estimate, estimate
from server.evaluation.rules import Rules
from server.evaluation.turns import Turn
from server.version import VERSION

_KIND = "vibevoice-asr evaluation"


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcript.

    Attributes:
        digest: of everything that decides what it is.
        turns: who said what when.
        seconds: of the recording.
        spent: seconds from its beginning to its end, while others may have been in work too.
        share: seconds that went by since the end of the one before: those of all are how long all took.
    """

    digest: str
    turns: Sequence[Turn]
    seconds: float
    spent: float
    share: float

    def as_json(self) -> dict[str, Any]:
        """For a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Heard:
        """Of `as_json`. Raises KeyError or TypeError for anything else."""
        turns = [Turn(**turn) for turn in body["turns"]]
        return cls(body["digest"], turns, body["seconds"], body["spent"], body["share"])


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A recording."""

    heard: Heard
    figures: Figures


@dataclass(slots=True)
class Report:
    """An evaluation.

    Attributes:
        rules: by which was counted.
        way: how was transcribed, in words.
        found: by the recordings' names.
        failed: why others have no transcript.
    """

    rules: Rules
    way: Mapping[str, str]
    found: dict[str, Evaluated] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def speed(self) -> float | None:
        """Seconds of recordings in a second (RTFx), as many at once as there were."""
        spent = sum(each.heard.share for each in self.found.values())
        return sum(each.heard.seconds for each in self.found.values()) / spent if spent else None

    def totals(self) -> dict[str, dict[str, Estimate]]:
        """By language, the first for all of them."""
        languages = sorted({each.figures.language or "?" for each in self.found.values()})
        groups = ["all", *(languages if len(languages) > 1 else ())]
        return {group: self._total(group) for group in groups}

    def _total(self, group: str) -> dict[str, Estimate]:
        figures = [each.figures for each in self.found.values() if group in ("all", each.figures.language or "?")]
        estimates = {metric.name: estimate(metric, figures) for metric in METRICS}
        if len({each.unit for each in figures if each.attributed is not None}) > 1:  # words and characters make no sum
            estimates |= dict.fromkeys(("cpwer", "tcpwer"))
        return {name: value for name, value in estimates.items() if value is not None}

    def as_json(self, *, whole: bool = True) -> dict[str, Any]:
        """For a file, or for programs. ``whole``: with its totals, which take seconds for thousands of recordings."""
        totals = self.totals() if whole else {}
        return {
            "kind": _KIND,
            "version": VERSION,
            "way": dict(self.way),
            "rules": asdict(self.rules),
            "rtfx": self.speed,
            "total": {group: {name: asdict(value) for name, value in total.items()} for group, total in totals.items()},
            "files": [
                {"name": name, "figures": each.figures.as_json(), "heard": each.heard.as_json()}
                for name, each in self.found.items()
            ],
            "failed": self.failed,
        }

    def save(self, file: Path, *, whole: bool = True) -> None:
        """Raises Fault where it cannot be written. ``whole``: see `as_json`."""
        write(file, json.dumps(self.as_json(whole=whole), ensure_ascii=False, indent=1) + "\n")


def read_report(file: Path) -> Report:
    """Of `Report.save`. Raises UsageFault for what is none, or cannot be read."""
    try:
        body = json.loads(file.read_text("utf-8"))
        if body["kind"] != _KIND:
            raise ValueError
        found = {
            each["name"]: Evaluated(Heard.from_json(each["heard"]), Figures.from_json(each["figures"]))
            for each in body["files"]
        }
        return Report(Rules(**body["rules"]), body["way"], found, body["failed"])
    except OSError as error:
        raise UsageFault(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError):
        raise UsageFault(f"{file} is not an evaluation that this command wrote.") from None
