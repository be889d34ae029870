"""``python -m model.finetune`` and ``vibevoice-asr finetune``."""
# ruff: noqa: T201 - what it says goes to the terminal

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from model.errors import StartError, is_out_of_memory
from model.finetune.arguments import course_of, parser
from model.finetune.errors import CourseError, DataError
from model.finetune.evaluation import Score
from model.finetune.hearing import seconds_of
from model.finetune.lines import Line, read_lines, told_of
from model.finetune.pupil import take_pupil
from model.finetune.training import ADAPTER, LOG, WHOLE, Stopped, Training, begun, make

_SMALLER = "less of it take a smaller --batch, --recompute, a smaller --rank and shorter recordings"
_SIGNALLED = 128
"""A status of this and its number says that a signal ended a process."""


def run(arguments: Sequence[str] | None = None, *, prog: str = "python -m model.finetune") -> int:
    """Do what the arguments (default: those of this process) say. Returns the exit status; faults are told."""
    given = parser(prog).parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        _teach(given)
    except (StartError, OSError) as error:  # such as a disk that is full
        print(f"{prog}: {error}", file=sys.stderr)
        return 1
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        print(f"{prog}: there is not enough memory; {_SMALLER}.", file=sys.stderr)
        return 1
    except Stopped as stopped:
        print(f"{prog}: stopped behind step {stopped.step}; --resume goes on.", file=sys.stderr)
        return _SIGNALLED + stopped.signal
    except KeyboardInterrupt:
        return 130
    return 0


def _teach(given: argparse.Namespace) -> None:
    course = course_of(given)
    if given.evaluate_every and given.held_out is None:
        raise CourseError("--evaluate-every needs recordings that are held out: --held-out.")
    if not begun(given.output, resume=given.resume) and given.resume:
        print(f"{given.output} holds no course yet: a new one begins.", file=sys.stderr)
    lines = _short_enough(read_lines(given.data), given.max_audio_seconds)
    held_out = _short_enough(read_lines(given.held_out), given.max_audio_seconds) if given.held_out else []
    was_there = given.output.exists()
    make(given.output)
    try:
        pupil = take_pupil(course, given.device)
    except StartError:
        if not was_there:
            given.output.rmdir()
        raise
    training = Training(pupil, course, lines, held_out, given.output)
    done = training.begin(resume=given.resume)
    learning = sum(weight.numel() for weight in pupil.learning.values())
    print(f"{len(lines)} recordings, {training.steps} steps, {learning:,} numbers learn.")
    if done == 0:
        _tell("before", training.evaluate(0))
    if done < training.steps:
        training.run(done, save_every=given.save_every, evaluate_every=given.evaluate_every)
        _tell("behind", training.evaluate(training.steps))
    told = [str(given.output / LOG)]
    if pupil.adapted is not None:
        told.insert(0, str(given.output / ADAPTER))
    if given.merge or pupil.adapted is None:
        pupil.save_whole(given.output / WHOLE)
        told.insert(0, str(given.output / WHOLE))
    print(f"Written: {', '.join(told)}.")


def _short_enough(lines: list[Line], longest: float) -> list[Line]:
    """Reads the heads of all recordings, so that one that cannot be read is told before hours of learning."""
    kept = [line for line in lines if (_seconds(line) or 0.0) <= longest]
    if len(kept) < len(lines):
        print(f"{len(lines) - len(kept)} recordings of more than {longest:g} s are left out.", file=sys.stderr)
    if not kept:
        raise DataError(f"All recordings have more than {longest:g} s.")
    return kept


def _seconds(line: Line) -> float | None:
    with told_of(line):
        return seconds_of(line.audio)


def _tell(when: str, score: Score | None) -> None:
    if score is not None:
        print(f"Held out, {when}: loss {score.loss:.4f}, {score.wrong} of {score.words} words wrong.", flush=True)
