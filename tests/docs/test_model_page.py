"""docs/model.md says where each section of the model's documentation is: each row has tests, and they are there."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support.processes import ROOT

PAGE = ROOT / "docs" / "model.md"
_HEAD = "| in the documentation | here | tests |"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

SECTIONS = (
    "basic transcription",
    "transcription shortcut",
    "batched inference",
    "custom prompts",
    "multi-turn conversations",
    "training",
    "dual tokenizer, connectors, fusion",
    "audio token expansion",
    "masks and padding",
    "caching",
    "streaming for long audio",
    "troubleshooting: audio format",
    "troubleshooting: empty or truncated output",
    "troubleshooting: memory",
    "`microsoft/VibeVoice-ASR`, the original layout",
    "VibeVoice-ASR-Streaming",
    "times of words",
    "confidence of words",
    "evaluation",
    "language",
)
"""As the documentation calls them."""


def _rows() -> list[list[str]]:
    """What it is about, where it is, and its tests."""
    lines = PAGE.read_text("utf-8").partition(_HEAD)[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]


ROWS = _rows()


def test_every_section_has_a_row() -> None:
    named = [row[0] for row in ROWS]
    assert [section for section in SECTIONS if not any(name.startswith(section) for name in named)] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_row_names_tests_that_there_are(row: list[str]) -> None:
    _, here, tests = row
    named = _TEST.findall(tests)
    assert here
    assert named, "nothing holds it"
    assert _TEST.sub("", tests).replace(",", "").strip() == "", "what is named is a test"
    for file, name in named:
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        known = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert name in known, f"{file} has no {name}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_no_test_of_a_row_is_always_left_out(row: list[str]) -> None:
    """It is not marked to be skipped; what needs tools of its own is no proof for who has none."""
    for file, name in _TEST.findall(row[2]):
        tree = ast.parse((ROOT / file).read_text("utf-8"))
        (test,) = [node for node in tree.body if getattr(node, "name", "") == name]
        assert isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
        assert not any("skip" in ast.unparse(decorator) for decorator in test.decorator_list)
