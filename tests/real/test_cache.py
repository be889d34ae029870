"""What tests make once is there for all of them, also when several processes make it at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import qwen


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(qwen, "CACHE", tmp_path / ".cache")
    return tmp_path / ".cache"


def test_the_first_to_be_ready_wins_and_nothing_else_is_left(cache: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("1")

    def build(folder: Path) -> None:
        (folder / "made").write_text("by the other process")

    def build_slowly(folder: Path) -> None:
        (folder / "made").write_text("too late")
        qwen.cached("thing", build, source)

    made = qwen.cached("thing", build_slowly, source)
    assert (made / "made").read_text() == "by the other process"
    assert list(cache.iterdir()) == [made]
    source.write_text("2")
    assert qwen.cached("thing", build, source) != made


def test_what_failed_is_not_kept(cache: Path, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError("no space left")

    with pytest.raises(RuntimeError, match="no space"):
        qwen.cached("thing", fail)
    assert list(cache.iterdir()) == []
