"""What makes no sense is refused in words, before a checkpoint is looked for."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from model.finetune import command
from model.finetune.arguments import course_of, parser
from model.finetune.errors import DataError
from model.finetune.hearing import read_audio
from tests.support.samples import SHORT


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("--steps 0", "a whole number from 1 to"),
        ("--steps -3", "a whole number from 1 to"),
        ("--steps 1.5", "'1.5' is not a whole number"),
        ("--epochs 0", "a number above 0 up to 10000, and not 0"),
        ("--epochs nan", "a number above 0"),
        ("--rate -1e-4", "a number above 0 up to 1"),
        ("--rate 2", "a number above 0 up to 1"),
        ("--rate fast", "'fast' is not a number"),
        ("--rank 0", "a whole number from 1 to 1024"),
        ("--rank 4096", "a whole number from 1 to 1024"),
        ("--alpha 0", "a number above 0"),
        ("--alpha inf", "a number above 0"),
        ("--dropout 1", "a number from 0 below 1"),
        ("--modules lm_head", "invalid choice: 'lm_head'"),
        ("--batch 0", "a whole number from 1 to"),
        ("--accumulate -1", "a whole number from 1 to"),
        ("--warm-up 1.1", "a number from 0 up to 1"),
        ("--warm-up -0.1", "a number from 0 up to 1"),
        ("--decay -1", "a number from 0 up to 1"),
        ("--clip 0", "a number above 0"),
        ("--seed -1", "a whole number from 0"),
        ("--save-every 0", "a whole number from 1"),
        ("--evaluate-every -1", "a whole number from 0"),
        ("--max-audio-seconds -1", "a number above 0"),
        ("--method qlora", "invalid choice: 'qlora'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    given: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name, value = given.split()
    with pytest.raises(SystemExit) as caught:
        command.run(["data", "--output", "out", f"{name}={value}"])
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert f"argument {name}: " in said
    assert told in said


def test_those_at_the_edge_are_taken() -> None:
    edges = "--rank=1024 --dropout=0 --warm-up=1 --decay=0 --rate=1 --seed=0 --evaluate-every=0 --steps=1"
    course = course_of(parser("teach").parse_args(["data", "--output=out", *edges.split()]))
    assert (course.rank, course.dropout, course.warm_up, course.rate, course.steps) == (1024, 0, 1, 1, 1)


def _told(capsys: pytest.CaptureFixture[str], *given: object) -> str:
    assert command.run([str(each) for each in given]) == 1
    (said,) = capsys.readouterr().err.splitlines()
    return said


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shutil.copy(SHORT, tmp_path / "a.flac")
    file = tmp_path / "lines.jsonl"
    line = {"audio": "a.flac", "segments": [{"start": 0, "end": 1, "text": "Hello."}]}
    file.write_text(json.dumps(line) + "\n" + json.dumps(line | {"audio": "b.wav"}) + "\n")
    soundfile.write(tmp_path / "b.wav", np.zeros(24_000, np.float32), 24_000)
    return file


def test_evaluations_need_something_that_is_held_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "--held-out" in _told(capsys, data, "--output", tmp_path / "out", "--evaluate-every", 5)


def test_a_folder_that_cannot_be_one_is_told_before_anything_is_loaded(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert f"{data} cannot be made" in _told(capsys, data, "--output", data, "--model", tmp_path / "nowhere")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "state.pt").touch()
    assert "--resume goes on" in _told(capsys, data, "--output", tmp_path / "out", "--model", tmp_path / "nowhere")


def test_data_that_are_not_there_leave_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "neither a file of JSON lines" in _told(capsys, tmp_path / "typo", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"", "cannot be read"), (b"RIFF and no more", "cannot be read"), (None, "has no sound in it")],
    ids=["empty", "damaged", "no samples"],
)
def test_a_recording_with_nothing_in_it_is_told_with_its_line(
    data: Path, tmp_path: Path, content: bytes | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is None:
        soundfile.write(tmp_path / "b.wav", np.zeros(0, np.float32), 24_000)
    else:
        (tmp_path / "b.wav").write_bytes(content)
    said = _told(capsys, data, "--output", tmp_path / "out", "--model", tmp_path / "nowhere")
    assert "lines.jsonl, line 2: " in said
    assert f"b.wav {told}" in said


@pytest.mark.parametrize(
    ("samples", "told"),
    [(np.zeros(0, np.float32), "no sound in it"), (np.full(2400, np.nan, np.float32), "are not numbers")],
)
def test_samples_that_nobody_can_hear_are_told(tmp_path: Path, samples: np.ndarray, told: str) -> None:
    soundfile.write(tmp_path / "a.wav", samples, 24_000, subtype="FLOAT")
    with pytest.raises(DataError, match=told):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory. Tried to allocate"), MemoryError()])
def test_too_little_memory_is_told_and_what_helps(
    data: Path, tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(command, "take_pupil", fail)
    assert "a smaller --batch" in _told(capsys, data, "--output", tmp_path / "out")


def test_a_fault_of_the_program_stays_one(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(command, "take_pupil", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        command.run([str(data), "--output", str(tmp_path / "out")])
