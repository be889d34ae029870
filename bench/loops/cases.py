"""Answers to examine, one JSON object a line, and what the guard says of each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from server.transcript.repetition import Loop, RepetitionGuard


class CaseError(ValueError):
    """A line that is no case; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is so, in characters of the answer (code points).

    Attributes:
        kind: of loop or of honest speech.
        onset: where the loop begins; None for an honest answer, as the next.
        fifth: where its fifth copy begins.
        end: where it ends by itself; None where it does not.
    """

    kind: str
    onset: int | None
    fifth: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class Case:
    """An answer as it would have been decoded, to ``seconds`` of audio. ``truth``: where it is told."""

    id: object
    seconds: float
    answer: str
    truth: Truth | None


def read_cases(lines: Iterable[bytes], *, truth: bool) -> Iterator[Case | CaseError]:
    """The case of each line, or what is wrong with it; empty lines are none. ``truth``: each has to tell what is so."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield _case(json.loads(line.decode("utf-8")), truth)
        except (ValueError, RecursionError) as error:
            yield CaseError(f"line {number}: {error}")


def _case(found: object, truth: bool) -> Case:
    if not isinstance(found, dict):
        raise CaseError("a JSON object is expected")
    missing = [key for key in ("id", "seconds", "answer") if key not in found]
    if missing:
        raise CaseError(f"{' and '.join(missing)} missing")
    seconds, answer = found["seconds"], found["answer"]
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < 1e9:
        raise CaseError(f"seconds must be a number of seconds, not {seconds!r}")
    if not isinstance(answer, str):
        raise CaseError("answer must be a string: the answer's raw text")
    return Case(found["id"], float(seconds), answer, _truth(found) if truth else None)


def _truth(found: dict[str, object]) -> Truth:
    loop = found.get("loop")
    if not isinstance(loop, bool):
        raise CaseError("loop must be true or false where answers are scored")
    onset, fifth, end = (found.get(key) for key in ("onset_char", "fifth_char", "end_char"))
    if not all(place is None or isinstance(place, int) for place in (onset, fifth, end)):
        raise CaseError("onset_char, fifth_char and end_char must be numbers of characters or null")
    if loop and (onset is None or fifth is None):
        raise CaseError("a loop needs onset_char and fifth_char")
    kind = ("loop: " if loop else "honest: ") + str(found.get("kind", "any"))
    return Truth(kind, onset if loop else None, fifth, end)  # type: ignore[arg-type]  # checked above


def find_loop(case: Case) -> Loop | None:
    """What the guard says of an answer, fed as one piece: how it is cut makes no difference."""
    return RepetitionGuard(case.seconds).feed(case.answer)
