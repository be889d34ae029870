"""The loop: examples, gradients, updates, and what is written down on the way.

It is this project's own and not Transformers' Trainer. A step here is a fixed number of lines whose losses are added up
and divided by all of their learned tokens, however many batches that takes; the Trainer wants padded rectangles from a
collator that cannot encode audio on the device, scores every position of a vocabulary of 152,064, and resumes by
skipping through its loader. What is left of it would be more than these lines.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

import torch
from tqdm import tqdm  # type: ignore[import-untyped]

from model.finetune.course import Course
from model.finetune.errors import CourseError
from model.finetune.evaluation import Score, evaluate
from model.finetune.lines import Line, digest
from model.finetune.loss import learned_places, summed_loss
from model.finetune.pupil import Pupil
from model.finetune.state import FILE, Taught

LOG = "log.jsonl"
ADAPTER = "adapter"
WHOLE = "merged"


class Stopped(Exception):  # noqa: N818 - nothing went wrong
    """A signal came, and the course is saved behind ``step`` steps. ``signal``: its number."""

    def __init__(self, step: int, number: int) -> None:
        super().__init__(f"stopped behind step {step}")
        self.step, self.signal = step, number


class Training:
    """A course in a folder."""

    def __init__(self, pupil: Pupil, course: Course, lines: list[Line], held_out: list[Line], folder: Path) -> None:
        self._pupil, self._course, self._folder = pupil, course, folder
        self._lines, self._held_out = lines, held_out
        learning = pupil.learning
        matrices = [weight for weight in learning.values() if weight.dim() > 1]
        vectors = [weight for weight in learning.values() if weight.dim() <= 1]
        groups: list[dict[str, Any]] = [{"params": matrices, "weight_decay": course.decay}]
        groups += [{"params": vectors, "weight_decay": 0.0}] if vectors else []
        self._optimizer = torch.optim.AdamW(groups, lr=course.rate)
        self._taught = Taught(course, digest(lines), pupil.began_as, learning, self._optimizer, pupil.checkpoint.device)
        self.steps = course.all_steps(len(lines))

    def begin(self, *, resume: bool) -> int:
        """The steps that are done. Raises CourseError, see ``begun`` and ``Taught.load``."""
        return self._taught.load(self._folder) if begun(self._folder, resume=resume) else 0

    def run(self, done: int, *, save_every: int, evaluate_every: int) -> None:
        """From ``done`` steps to the end.

        Raises Stopped where a signal asks for it, DataError, and CourseError where it cannot go on.
        """
        self._pupil.model.train()
        bar = tqdm(total=self.steps, initial=done, desc="learning", unit="step", file=sys.stderr)
        with _signals() as came, bar:
            for step in range(done, self.steps):
                bar.set_postfix(loss=f"{self._step(step):.4f}")
                bar.update()
                behind = step + 1
                if evaluate_every and behind % evaluate_every == 0 and behind < self.steps:
                    self.evaluate(behind)
                if came or behind % save_every == 0 or behind == self.steps:
                    self._save(behind)
                if came and behind < self.steps:
                    raise Stopped(behind, came[0])

    def evaluate(self, step: int) -> Score | None:
        """Of the held-out lines, which is written down; None where there are none."""
        if not self._held_out:
            return None
        score = evaluate(self._pupil, self._held_out)
        self._write(step=step, held_out=asdict(score) | {"word_errors": round(score.word_errors, 4)})
        return score

    def _step(self, step: int) -> float:
        """One update. Returns the loss per learned token."""
        began, course = monotonic(), self._course
        items = [self._lines[place] for place in course.items(step, len(self._lines))]
        rate = course.rate_at(step, self.steps)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        examples = [self._pupil.examples.of(line) for line in items]
        tokens, loss = learned_places(examples), 0.0
        # Alike lengths share a batch, so that little is padded.
        examples.sort(key=lambda each: len(each.ids))
        for first in range(0, len(examples), course.batch):
            with self._pupil.autocast():
                part = summed_loss(self._pupil.model, examples[first : first + course.batch]) / max(1, tokens)
            part.backward()  # type: ignore[no-untyped-call]
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(self._taught.learning.values(), course.clip)
        if not isfinite(loss + float(norm)):
            raise CourseError(
                f"What step {step + 1} would learn is not a number any more: begin again with a lower --rate than "
                f"{course.rate:g}, or a longer --warm-up."
            )
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._write(
            step=step + 1,
            loss=round(loss, 6),
            rate=rate,
            gradient=round(float(norm), 4),
            tokens=tokens,
            audio_seconds=round(sum(each.seconds for each in examples), 2),
            seconds=round(monotonic() - began, 3),
        )
        return loss

    def _save(self, step: int) -> None:
        self._taught.save(self._folder, step)
        if self._pupil.adapted is not None:
            self._pupil.save_adapter(self._folder / ADAPTER)

    def _write(self, **told: object) -> None:
        with (self._folder / LOG).open("a") as file:
            file.write(json.dumps(told) + "\n")


def begun(folder: Path, *, resume: bool) -> bool:
    """Whether there is a course in the folder. Raises CourseError for one that nobody wants to go on with."""
    if not (folder / FILE).exists():
        return False
    if not resume:
        raise CourseError(f"{folder} holds a course already: --resume goes on with it.")
    return True


def make(folder: Path) -> None:
    """It is there then. Raises CourseError for what can be no folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CourseError(f"{folder} cannot be made: {error.strerror}.") from error


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Numbers of the signals that ask for the end; the second one does not wait for it."""
    came: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        if came:
            raise KeyboardInterrupt
        came.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
