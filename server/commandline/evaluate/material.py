"""What is evaluated: recordings, each with what was said in it, from folders and from lists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from server.commandline.faults import UsageFault
from server.commandline.transcribe.inputs import STDIN, inputs
from server.evaluation.reading import (
    WITH_SPEAKERS,
    WITH_WORDS,
    UnreadableReferenceError,
    read_reference,
    turns_of,
)
from server.evaluation.turns import Reference, Turn

_LIST = ".jsonl"
_AUDIO = ("audio", "audio_filepath")
"""Key of the recording in a list's lines; NeMo's lists have the second."""


@dataclass(frozen=True, slots=True)
class Case:
    """A recording and its reference.

    Attributes:
        name: for people; no other case has it.
        audio: where it is.
        reference: what was said.
        language: what is spoken, where a list says so.
    """

    name: str
    audio: Path
    reference: Reference
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Material:
    """``cases`` in order; ``bare``: names of recordings that have no reference beside them."""

    cases: Sequence[Case]
    bare: Sequence[str]


def material(names: Sequence[str]) -> Material:
    """Of folders, recordings and lists. Raises UsageFault where anything is wrong with them, or there is nothing."""
    if STDIN in names:
        raise UsageFault("A recording from the standard input has no reference: give files.")
    lists = [name for name in names if name.lower().endswith(_LIST)]
    others = [name for name in names if name not in lists]
    cases: list[Case] = []
    bare: list[str] = []
    try:
        for name in lists:
            cases += _of_list(Path(name).expanduser())
        if others:
            with inputs(others) as found:
                for each in found:
                    files = _beside(each.file)
                    if files:
                        cases.append(Case(each.name, each.file, read_reference(files, each.file.stem)))
                    else:
                        bare.append(each.name)
    except UnreadableReferenceError as error:
        raise UsageFault(f"{error}.") from None
    if not cases:
        endings = ", ".join(f".{ending}" for ending in (*WITH_WORDS, WITH_SPEAKERS))
        raise UsageFault(f"No recording there has a reference beside it: a file of its name that ends in {endings}.")
    return Material(_each_once(cases), bare)


def _each_once(cases: Sequence[Case]) -> list[Case]:
    """What is given again is the same case. Raises UsageFault where it is another one of the same name."""
    found: dict[str, Case] = {}
    for case in cases:
        if found.setdefault(case.name, case) != case:
            raise UsageFault(f"Two recordings are called {case.name}, or one has two references: evaluate them apart.")
    return list(found.values())


def _beside(audio: Path) -> list[Path]:
    """The file with its words, the first kind there is, and the one with its speakers."""
    words = [file for ending in WITH_WORDS if (file := audio.with_suffix(f".{ending}")).is_file()]
    speakers = audio.with_suffix(f".{WITH_SPEAKERS}")
    return words[:1] + [speakers] * speakers.is_file()


def _of_list(file: Path) -> Iterator[Case]:
    """A recording a line: ``audio``, and ``reference`` (a file, files, or segments) or ``text``; ``language``."""
    try:
        lines = file.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageFault(f"{file} cannot be read: {error}.") from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                yield _case(json.loads(line), file.parent)
            except (ValueError, UnreadableReferenceError) as error:
                raise UsageFault(f"{file}, line {number}: {error}.") from None


def _case(body: Any, folder: Path) -> Case:
    """Raises ValueError, UnreadableReferenceError."""
    name = next((body[key] for key in _AUDIO if key in body), None) if isinstance(body, dict) else None
    if not isinstance(name, str):
        raise ValueError('give {"audio": FILE, "reference": FILE}')
    audio = folder / Path(name).expanduser()
    if not audio.is_file():
        raise ValueError(f"there is no file {audio}")
    language = body.get("language")
    if not (language is None or isinstance(language, str)):
        raise ValueError(f"{language!r} is no language")
    return Case(name, audio, _reference(body, audio, folder), language)


def _reference(body: dict[str, Any], audio: Path, folder: Path) -> Reference:
    given = body.get("reference")
    if isinstance(given, str):
        given = [given]
    if isinstance(given, list) and given and all(isinstance(each, str) for each in given):
        return read_reference([folder / Path(each).expanduser() for each in given], audio.stem)
    if given is not None:
        return Reference(turns_of(given))
    if isinstance(body.get("text"), str):
        return Reference([Turn(body["text"])])
    if files := _beside(audio):
        return read_reference(files, audio.stem)
    raise ValueError(f"{audio.name} has no reference")
