"""Where a course stands, on a disk: what has been learned, the optimizer, and the state of chance."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from model.errors import is_out_of_memory
from model.finetune.course import Course
from model.finetune.errors import CourseError

FILE = "state.pt"


@dataclass(frozen=True, slots=True)
class Taught:
    """``data``: see ``lines.digest``, ``checkpoint``: see ``Pupil``. The order of the lines needs the step alone."""

    course: Course
    data: str
    checkpoint: str
    learning: dict[str, torch.nn.Parameter]
    optimizer: torch.optim.Optimizer
    device: torch.device

    def save(self, folder: Path, step: int) -> None:
        """The file is there whole, or as it was. Raises CourseError where it cannot be written."""
        state = {
            "step": step,
            "course": asdict(self.course),
            "data": self.data,
            "checkpoint": self.checkpoint,
            "weights": {name: weight.detach() for name, weight in self.learning.items()},
            "optimizer": self.optimizer.state_dict(),
            "chance": torch.get_rng_state(),
            "chance_of_device": torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None,
        }
        new = folder / (FILE + ".new")
        try:
            torch.save(state, new)
            new.replace(folder / FILE)
        except (OSError, RuntimeError) as error:  # a full disk is a RuntimeError to torch
            new.unlink(missing_ok=True)
            raise CourseError(f"{folder / FILE} cannot be written: {error}.") from error

    def load(self, folder: Path) -> int:
        """Go on from what is saved. Returns the steps that are done.

        Raises CourseError for a file that is damaged, and for the state of another course, of other data or of another
        checkpoint. Too little memory, and a file that cannot be read, are what they are.
        """
        state = _read(folder / FILE)
        told = {name: list(value) if isinstance(value, tuple) else value for name, value in state["course"].items()}
        if names := self.course.differences(told):
            raise CourseError(
                f"{folder} holds another course, with {', '.join(f'{name} {told.get(name)}' for name in names)}: "
                "resume it with what it began with, or begin a new one in another folder."
            )
        if state["data"] != self.data:
            raise CourseError(f"{folder} was learned from other data; begin a new course in another folder.")
        if state["checkpoint"] != self.checkpoint or _shapes(state["weights"]) != _shapes(self.learning):
            raise CourseError(
                f"{folder} was begun with other weights than {self.course.model} has now; begin a new course in "
                "another folder."
            )
        self._take(state, folder / FILE)
        return int(state["step"])

    def _take(self, state: dict[str, Any], file: Path) -> None:
        try:
            self.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["chance"])
            if state["chance_of_device"] is not None and self.device.type == "cuda":
                torch.cuda.set_rng_state(state["chance_of_device"], self.device)
        except Exception as error:
            if isinstance(error, OSError) or is_out_of_memory(error):
                raise
            raise _damaged(file, error) from error
        with torch.no_grad():
            for name, weight in self.learning.items():
                weight.copy_(state["weights"][name])


_PARTS: dict[str, type | tuple[type, ...]] = {
    "step": int,
    "course": dict,
    "data": str,
    "checkpoint": str,
    "weights": dict,
    "optimizer": dict,
    "chance": torch.Tensor,
    "chance_of_device": (torch.Tensor, type(None)),
}


def _read(file: Path) -> dict[str, Any]:
    """What ``Taught.save`` has written, all of it there. Raises CourseError where it is not."""
    try:
        state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # what a damaged pickle raises has no end
        if isinstance(error, OSError) or is_out_of_memory(error):
            raise
        raise _damaged(file, error) from error
    for name, kind in _PARTS.items():
        if not isinstance(state, dict) or not isinstance(state.get(name, ...), kind):
            raise _damaged(file, f"it has no {name}")
    return state


def _damaged(file: Path, why: object) -> CourseError:
    told = str(why).strip().partition("\n")[0].partition(". ")[0].rstrip(".")
    return CourseError(
        f"{file} is damaged, or is not what was written here ({told}): the course cannot go on. Put a copy back, or "
        "begin a new one in another folder."
    )


def _shapes(weights: dict[str, Any]) -> dict[str, list[int]]:
    return {name: list(getattr(weight, "shape", ())) for name, weight in weights.items()}
