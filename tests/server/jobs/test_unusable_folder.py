"""A folder in which no jobs can be kept ends the start with a sentence and status 1: what is wrong with it may pass."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from server.jobs.folder import check_folder
from server.serving.server import serve


def a_file(folder: Path) -> None:
    folder.write_text("")


def no_tables(folder: Path) -> None:
    folder.mkdir()
    (folder / "jobs.db").write_bytes(b"no database" * 1_000)


def newer_tables(folder: Path) -> None:
    folder.mkdir()
    connection = sqlite3.connect(folder / "jobs.db")
    connection.execute("PRAGMA user_version = 1000")
    connection.close()


def no_place_for_recordings(folder: Path) -> None:
    folder.mkdir()
    (folder / "recordings").write_text("")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (a_file, "{folder} cannot be used: File exists: {folder}"),
        (no_tables, "{folder}/jobs.db cannot be used: file is not a database"),
        (newer_tables, "{folder}/jobs.db has version 1000 of the tables, and this server knows version"),
        (no_place_for_recordings, "{folder} cannot be used: File exists: {folder}/recordings"),
    ],
)
def test_it_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None], told: str
) -> None:
    folder = tmp_path / "jobs"
    make(folder)
    assert serve(["--model", "tiny", "--port", "0", "--jobs-folder", str(folder)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"--jobs-folder {told.format(folder=folder)}")
    assert said.count("\n") == 1


def test_one_that_can_be_used_is_left_as_it_is(tmp_path: Path) -> None:
    for _ in range(2):
        check_folder(tmp_path / "some" / "jobs")
    assert not list((tmp_path / "some" / "jobs" / "runners").iterdir())
