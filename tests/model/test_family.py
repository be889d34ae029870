"""A family goes where no tensor is: it is imported without torch, and crosses to another process."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import pytest

from model.family import FAMILIES, VIBEVOICE_ASR, Family
from model.seam.audio import SAMPLE_RATE

families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
foreseen_families = pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.turns is None], ids=lambda family: family.name
)
"""Those whose answers have more in them than words."""


def test_a_process_without_torch_can_import_them() -> None:
    program = "import sys, model.family, model.seam; sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


@families
def test_a_family_crosses_to_another_process(family: Family) -> None:
    assert pickle.loads(pickle.dumps(family)) == family


@families
def test_a_family_hears_what_crosses_the_seam(family: Family) -> None:
    """One that hears another rate has to resample, and none does."""
    assert family.geometry.sample_rate == SAMPLE_RATE


def test_segments_are_written_as_the_labels_are() -> None:
    grammar = VIBEVOICE_ASR.grammar
    said, silence = grammar.segment(1.234, 5.5, 2, 'Who said "é"?'), grammar.segment(5.5, 12.0, None, "[Silence]")
    assert said == '{"Start":1.23,"End":5.5,"Speaker":2,"Content":"Who said \\"é\\"?"}'
    assert silence == '{"Start":5.5,"End":12.0,"Content":"[Silence]"}'
    assert json.loads(grammar.opening([said, silence]) + "]") == [json.loads(said), json.loads(silence)]
    assert grammar.opening([]) == ""


def test_every_answer_has_an_outline_of_its_own() -> None:
    begun, other = VIBEVOICE_ASR.grammar.outline(), VIBEVOICE_ASR.grammar.outline()
    begun.follow(VIBEVOICE_ASR.grammar.header)
    assert begun.foreseen()
    assert not other.foreseen()


@foreseen_families
def test_what_an_outline_foresees_is_what_the_grammar_writes(family: Family) -> None:
    """From the header to a content, and from one content to the next: all but the figures."""
    grammar = family.grammar
    outline, foreseen = grammar.outline(), 0
    outline.follow(grammar.header)
    segments = [grammar.segment(place + 0.25, place + 1.25, place, "words") for place in range(3)]
    for character in grammar.opening(segments):
        told = "" if outline.in_content or character in "0123456789." else outline.foreseen()
        assert told[:1] in ("", character)
        foreseen += len(told[:1])
        outline.follow(character)
    assert foreseen > 50
