"""The command for seams: lines in, lines out, and what cannot be read is told."""

from __future__ import annotations

import io
import json

import pytest

from bench.seams import __main__ as command
from bench.seams.cases import Case, stitched
from bench.seams.made import made_cases
from bench.seams.rules import RULES
from bench.seams.score import best_cut, score

CASE = {
    "id": "one",
    "a": {
        "start": 0,
        "end": 30,
        "segments": [
            {"Start": 0, "End": 8.5, "Content": "[Silence]"},
            {"Start": 20, "End": 29, "Speaker": 0, "Content": "The roof is leaking again and then"},
        ],
    },
    "b": {
        "start": 22,
        "end": 60,
        "segments": [{"Start": 0.2, "End": 9.5, "Speaker": 1, "Content": "is leaking again and then it rains."}],
        "voices": {"1": [0.1, 0.2]},
    },
}


def test_each_line_is_answered_on_the_recordings_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps(CASE), "", "no case", json.dumps({"id": "two", "a": CASE["a"]})]
    monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
    monkeypatch.setattr("sys.argv", ["seams"])
    assert command.main() == 1
    told = capsys.readouterr()
    assert json.loads(told.out) == {
        "id": "one",
        "segments": [
            {"Start": 0.0, "End": 8.5, "Content": "[Silence]"},
            {"Start": 20.0, "End": 31.5, "Speaker": 0, "Content": "The roof is leaking again and then it rains."},
        ],
    }
    assert "line 3 is no case" in told.err
    assert "line 4 is no case: b: Field required" in told.err


def test_made_cases_are_the_same_for_the_same_seed_and_stitched_far_better_than_at_the_middle() -> None:
    made = list(made_cases(15, seed=5))
    assert [case.case for case in made] == [case.case for case in made_cases(15, seed=5)]
    ours = theirs = linked = 0
    for case in made:
        found = score(case, stitched(case.case))
        ours += found.lost + found.doubled
        linked += found.linked or not case.told
        middle = score(case, RULES["middle, by word"](case.case))
        theirs += middle.lost + middle.doubled
    assert ours < 0.75 * theirs
    assert linked >= len(made) - 1


def test_the_best_cut_is_no_worse_than_a_rule_that_cuts_once() -> None:
    for case in made_cases(6, seed=1):
        for rule in RULES.values():
            scored = score(case, rule(case.case))
            assert best_cut(case) <= scored.lost + scored.doubled


def test_a_case_reads_numbers_written_as_text() -> None:
    case = Case.model_validate(
        {
            "id": 7,
            "a": {
                "start": "0",
                "end": "30 s",
                "segments": [{"Start": "1.5", "End": "0:03", "Speaker": "Speaker 2", "Content": " Hm. "}],
            },
            "b": {"start": 30, "end": 40, "segments": []},
        }
    )
    (segment,) = stitched(case)
    assert (segment.start, segment.end, segment.speaker, segment.text) == (1.5, 3.0, 2, "Hm.")
