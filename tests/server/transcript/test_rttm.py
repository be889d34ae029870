"""Who spoke when as NIST's RTTM: what says that the end may be missing is no line to those who read it."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from server.evaluation.reading import read_reference
from server.transcript.formats import render_rttm
from server.transcript.segments import Segment, Transcript
from server.transcript.turns import turns

SAID = (Segment(0, 0.0, 2.0, 0, "Hello there."), Segment(1, 2.5, 4.0, 1, "Yes."))
WHOLE = Transcript(SAID, 10.0, notes=("It was cut:\n\nSPEAKER a 1 4 1 <NA> <NA> x.", "Sorry."))
CUT = replace(WHOLE, complete=False)


def lines(transcript: Transcript) -> list[str]:
    return render_rttm(transcript, turns(transcript), "talk").splitlines()


def test_a_cut_answer_says_so_in_a_comment() -> None:
    *spoken, comment = lines(CUT)
    assert spoken == lines(WHOLE)
    assert len(spoken) == 2
    assert " ".join(comment.split()) == ";; It was cut: SPEAKER a 1 4 1 <NA> <NA> x. Sorry."


def test_who_knows_no_comments_finds_one_field() -> None:
    """pandas, by which pyannote.database reads, splits at spaces and tabs alone; times of such a line are none."""
    assert [len(re.split("[ \t]+", line)) for line in lines(CUT)] == [10, 10, 1]


@pytest.mark.parametrize("segments", [SAID, ()])
def test_it_is_read_without_the_comment(segments: tuple[Segment, ...], tmp_path: Path) -> None:
    cut = replace(CUT, segments=segments)
    (tmp_path / "talk.rttm").write_text(render_rttm(cut, turns(cut), "talk"), "utf-8")
    speech = read_reference([tmp_path / "talk.rttm"], "talk").speech
    assert speech is not None
    assert [(turn.start, turn.end, turn.speaker) for turn in speech] == [
        (segment.start, segment.end, f"SPEAKER_0{segment.speaker}") for segment in segments
    ]
