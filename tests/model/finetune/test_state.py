"""A course's file is called damaged where it is, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from model.finetune.course import Course
from model.finetune.errors import CourseError
from model.finetune.state import Taught


@pytest.fixture
def taught(tmp_path: Path) -> Taught:
    """Saved behind two steps."""
    weight = torch.nn.Parameter(torch.ones(3, 2))
    optimizer = torch.optim.AdamW([weight])
    weight.sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    made = Taught(Course("tiny"), "data", "checkpoint", {"weight": weight}, optimizer, torch.device("cpu"))
    made.save(tmp_path, 2)
    return made


def raising(error: Exception) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.mark.parametrize(
    "error", [RuntimeError("CUDA out of memory. Tried to allocate"), MemoryError(), PermissionError(13, "not allowed")]
)
@pytest.mark.parametrize("place", ["torch.load", "torch.optim.AdamW.load_state_dict"])
def test_too_little_memory_and_a_closed_file_are_no_damage(
    taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, place: str
) -> None:
    monkeypatch.setattr(place, raising(error))
    with pytest.raises(type(error)) as caught:
        taught.load(tmp_path)
    assert caught.value is error


def test_what_else_they_raise_is_damage(taught: Taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.optim.AdamW.load_state_dict", raising(RuntimeError("shapes differ")))
    with pytest.raises(CourseError, match="is damaged"):
        taught.load(tmp_path)


def test_a_course_is_saved_again_over_the_file_that_it_was_read_from(taught: Taught, tmp_path: Path) -> None:
    """Which stays mapped, and is never written to."""
    assert taught.load(tmp_path) == 2
    for step in (3, 4):
        taught.learning["weight"].sum().backward()  # type: ignore[no-untyped-call]
        taught.optimizer.step()
        weight = taught.learning["weight"].detach().clone()
        taught.save(tmp_path, step)
        assert taught.load(tmp_path) == step
        assert torch.equal(taught.learning["weight"], weight)
