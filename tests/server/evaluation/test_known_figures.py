"""Figures that count speakers are those of MeetEval and pyannote.metrics: `make_known_figures.py` says where from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from server.evaluation.attribution import permuted_errors, timed_permuted_errors
from server.evaluation.diarization import diarization_errors
from server.evaluation.edits import Edits
from server.evaluation.normalising import Normaliser, Unit
from server.evaluation.turns import Turn

CASES = json.loads((Path(__file__).parent / "known_figures.json").read_text("utf-8"))
WORDS = Normaliser(None, Unit.WORD)


def turns(body: Sequence[dict[str, Any]]) -> list[Turn]:
    return [Turn(**each) for each in body]


def counted(edits: Edits) -> tuple[int, int]:
    return edits.errors, edits.length


def test_errors_with_speakers() -> None:
    for case in CASES:
        said, told = turns(case["said"]), turns(case["told"])
        assert counted(permuted_errors(said, told, WORDS)) == (case["cp"], case["length"])
        for collar, errors in case["tcp"].items():
            assert counted(timed_permuted_errors(said, told, WORDS, float(collar))) == (errors, case["length"])


def test_who_speaks_when() -> None:
    for case in CASES:
        for collar, parts in case["der"].items():
            found = diarization_errors(turns(case["said"]), turns(case["told"]), float(collar))
            assert [found.speech, found.missed, found.false_alarm, found.confusion] == pytest.approx(parts, abs=1e-6)
