"""What is learned from, as people write it down: by lines, in Microsoft's layout, and wrongly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.finetune.errors import DataError
from model.finetune.lines import digest, read_lines
from tests.support.samples import SHORT

GOOD: dict[str, Any] = {
    "audio": "a.flac",
    "segments": [
        {"start": 0, "end": 1.239, "speaker": "Ada", "text": " Hello. "},
        {"start": 1.3, "end": 2, "text": "[Music]"},
        {"start": 2, "end": 3, "speaker": "Bob", "text": "Grüße"},
        {"start": 3, "end": 4, "speaker": "Ada", "text": 'A "word"'},
    ],
    "hotwords": ["Ada", " Bob "],
    "context": "A call.",
}
ANSWER = (
    '[{"Start":0.0,"End":1.24,"Speaker":0,"Content":"Hello."},{"Start":1.3,"End":2.0,"Content":"[Music]"},'
    '{"Start":2.0,"End":3.0,"Speaker":1,"Content":"Grüße"},{"Start":3.0,"End":4.0,"Speaker":0,'
    '"Content":"A \\"word\\""}]'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(SHORT, tmp_path / "a.flac")
    return tmp_path


def written(folder: Path, *lines: object) -> Path:
    file = folder / "lines.jsonl"
    file.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return file


def test_what_is_said_may_have_any_separator_in_it(folder: Path) -> None:
    """JSON writers leave them as they are, and some editors put a mark in front of all."""
    said = GOOD | {"segments": [{"start": 0, "end": 1, "text": "one\u2028two\x85three"}]}
    file = written(folder, json.dumps(said, ensure_ascii=False), GOOD)
    file.write_text("\ufeff" + file.read_text("utf-8"), "utf-8")
    first, second = read_lines(file)
    assert first.segments[0].text == "one\u2028two\x85three"
    assert second.answer == ANSWER


def test_segments_are_learned_in_order_of_their_starts(folder: Path) -> None:
    (line,) = read_lines(written(folder, GOOD | {"segments": GOOD["segments"][::-1]}))
    assert line.answer == ANSWER


def test_a_file_in_another_encoding_is_told(folder: Path) -> None:
    file = folder / "lines.jsonl"
    file.write_text(json.dumps(GOOD, ensure_ascii=False), "latin-1")
    with pytest.raises(DataError, match="UTF-8"):
        read_lines(file)


def test_a_line_is_an_answer_and_a_context(folder: Path) -> None:
    (line,) = read_lines(written(folder, GOOD, ""))
    assert (line.answer, line.context) == (ANSWER, "A call.\nAda\nBob")


def test_microsofts_folders_say_the_same(folder: Path) -> None:
    segments = [
        {**each, "speaker": {"Ada": 0, "Bob": 1}[each["speaker"]]} if "speaker" in each else each
        for each in GOOD["segments"]
    ]
    theirs = {"audio_path": "a.flac", "audio_duration": 5.5, "segments": segments, "customized_context": ["A call."]}
    (folder / "a.json").write_text(json.dumps(theirs))
    (line,) = read_lines(folder)
    assert (line.answer, line.context, line.audio) == (ANSWER, "A call.", folder / "a.flac")


def test_the_digest_is_of_what_is_learned_wherever_it_lies(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    shutil.copy(SHORT, elsewhere / "a.flac")
    here = digest(read_lines(written(folder, GOOD)))
    assert here == digest(read_lines(written(elsewhere, GOOD)))
    assert here != digest(read_lines(written(elsewhere, GOOD | {"context": "Another."})))


def changed(**fields: object) -> dict[str, Any]:
    return GOOD | {"segments": [{"start": 0, "end": 1, "speaker": 0, "text": "Hello."} | fields]}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: this is not JSON"),
        ("[]", "not a JSON object"),
        ({"segments": []}, "no audio"),
        ('{"audio": "\\ud800"}', "this is not JSON"),
        ("[" * 100_000, "this is not JSON"),
        ({"audio": 7, "segments": []}, "no audio"),
        (GOOD | {"audio": "b.flac"}, "b.flac does not exist"),
        (GOOD | {"audio": "b" * 999}, "does not exist"),
        (GOOD | {"audio": "."}, "does not exist"),
        ({"audio": "a.flac"}, "no segments"),
        (GOOD | {"segments": ["Hello."]}, "a segment is an object"),
        (changed(start="0"), "start of a segment"),
        (changed(end=float("nan")), "end of a segment"),
        (changed(start=-1), "start of a segment"),
        (changed(end=10**400), "end of a segment"),
        (changed(start=2), "ends at 1.0 before"),
        (GOOD | {"segments": {"0": GOOD["segments"][0]}}, "no segments"),
        (changed(text=7), "has no text"),
        (changed(text=" "), "has no text"),
        (changed(speaker=-1), "a speaker is"),
        (changed(speaker=True), "a speaker is"),
        (changed(speaker=[1]), "a speaker is"),
        (GOOD | {"hotwords": [1]}, "hotwords are"),
        (GOOD | {"hotwords": 0}, "hotwords are"),
        (GOOD | {"context": False}, "context is"),
        (GOOD | {"context": ["a"]}, "context is"),
    ],
)
def test_a_line_that_makes_no_sense_is_told_by_its_number(folder: Path, line: object, told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        read_lines(written(folder, GOOD, line))
    assert "lines.jsonl, line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"audio_path": "a.flac"}', "no segments"),
        ('{"segments": []}', "no audio"),
        ('{"audio_path": "gone.flac", "segments": []}', "gone.flac does not exist"),
        ('{"audio_path": "a.flac", "segments": [', "not JSON"),
        ("", "not JSON"),
        (None, "cannot be read"),
    ],
)
def test_what_is_missing_in_microsofts_folders_is_told_by_its_file(
    folder: Path, content: str | None, told: str
) -> None:
    (folder / "a.json").write_text(json.dumps(GOOD))
    if content is None:
        (folder / "b.json").mkdir()
    else:
        (folder / "b.json").write_text(content)
    with pytest.raises(DataError, match=told) as caught:
        read_lines(folder)
    assert "b.json" in str(caught.value)


def test_nothing_to_learn_from_is_told(folder: Path) -> None:
    with pytest.raises(DataError, match="nothing to learn from"):
        read_lines(written(folder))
    with pytest.raises(DataError, match="neither"):
        read_lines(folder / "nowhere")
