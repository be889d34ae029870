"""The command answers each case in its line, tells bad ones, and scores as the page says."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from bench.loops.cases import Case, CaseError, Truth, read_cases
from bench.loops.made import make_cases
from bench.loops.scoring import Outcome, judge
from tests.support.processes import ROOT

LOOP = '[{"Start":0,"End":20,"Speaker":0,"Content":"' + "thank you, " * 60


def test_each_line_is_answered_and_bad_ones_are_told() -> None:
    lines = [
        json.dumps({"id": "a", "seconds": 20.5, "answer": LOOP, "loop": True}),
        "",
        "nonsense",
        json.dumps({"id": 7, "seconds": 20, "answer": "[]"}),
        json.dumps({"id": 8, "answer": "[]"}),
    ]
    command = [sys.executable, "-m", "bench.loops"]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True, cwd=ROOT, check=False)
    first, second = map(json.loads, done.stdout.splitlines())
    assert first["id"] == "a"
    assert first["loop"] is True
    assert LOOP.index("thank") < first["at_char"] < len(LOOP) / 2
    assert second == {"id": 7, "loop": False, "at_char": None}
    assert done.returncode == 2
    assert [line.split(":")[1] for line in done.stderr.splitlines()] == [" line 3", " line 5"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": 1, "seconds": "3", "answer": ""}', "seconds"),
        ('{"id": 1, "seconds": 3, "answer": null}', "answer"),
        ('{"id": 1, "seconds": NaN, "answer": ""}', "seconds"),
        ("[]", "object"),
        ('{"id": 1, "seconds": 3, "answer": ""}', "loop must be"),
        ('{"id": 1, "seconds": 3, "answer": "", "loop": true}', "onset_char"),
    ],
)
def test_what_is_no_case_says_why(line: str, reason: str) -> None:
    (error,) = read_cases([line.encode()], truth=True)
    assert isinstance(error, CaseError)
    assert reason in str(error)


@pytest.mark.parametrize(
    ("truth", "at", "outcome"),
    [
        (Truth("", None, None, None), None, Outcome.CLEAN),
        (Truth("", None, None, None), 5, Outcome.FALSE),
        (Truth("", 10, 20, None), None, Outcome.MISSED),
        (Truth("", 10, 20, None), 9, Outcome.EARLY),
        (Truth("", 10, 20, None), 10, Outcome.HIT),
        (Truth("", 10, 20, 60), 100, Outcome.HIT),
        (Truth("", 10, 20, 60), 101, Outcome.LATE),
    ],
)
def test_calls_are_judged_by_where_they_come(truth: Truth, at: int | None, outcome: Outcome) -> None:
    assert judge(truth, at) is outcome


def test_made_cases_tell_the_truth_and_are_the_same_for_the_same_seed() -> None:
    made = list(make_cases(64, seed=5))
    assert made == list(make_cases(64, seed=5))
    for found in made:
        (case,) = read_cases([json.dumps(found).encode()], truth=True)
        assert isinstance(case, Case)
        assert case.truth is not None
        if case.truth.onset is not None and case.truth.fifth is not None:
            assert 0 < case.truth.onset < case.truth.fifth < (case.truth.end or len(case.answer))
