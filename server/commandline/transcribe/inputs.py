"""Which recordings are meant: files, everything below a folder that looks like one, and the standard input."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from server.commandline.faults import UsageFault

STDIN = "-"
# fmt: off
EXTENSIONS = frozenset((
    "3gp", "aac", "ac3", "aif", "aifc", "aiff", "amr", "asf", "au", "avi", "caf", "dts", "eac3", "flac", "flv",
    "gsm", "m4a", "m4b", "m4v", "mka", "mkv", "mov", "mp2", "mp3", "mp4", "mpeg", "mpg", "mts", "oga", "ogg", "opus",
    "snd", "spx", "ts", "vob", "w64", "wav", "weba", "webm", "wma", "wmv", "wv",
))
# fmt: on
"""By which a recording is known in a folder. A file that is named itself is taken whatever it is called: what it is
stands in it."""


@dataclass(frozen=True, slots=True)
class Input:
    """A recording.

    Attributes:
        name: as it was given, for people.
        file: where its bytes are.
        relative: where it lies below the folder that was given; its own name where it was given itself.
        piped: it came by the standard input.
    """

    name: str
    file: Path
    relative: Path
    piped: bool = False


@contextmanager
def inputs(names: Sequence[str]) -> Iterator[list[Input]]:
    """All of them in order, each once. What comes by the standard input lies in a temporary file until the end.

    Raises UsageFault where something is not there, or there is nothing.
    """
    if list(names).count(STDIN) > 1:
        raise UsageFault("The standard input (-) can be read once.")
    with tempfile.TemporaryDirectory(prefix="vibevoice-") as folder:
        found: dict[Path, Input] = {}
        for name in names:
            for each in _piped(Path(folder)) if name == STDIN else _named(name):
                found.setdefault(each.file.resolve(), each)
        if not found:
            raise UsageFault(f"There is no recording in {', '.join(names)}.")
        yield list(found.values())


def _named(name: str) -> Iterator[Input]:
    if "://" in name:
        raise UsageFault(f"{name}: give a file, or fetch it: curl -L {name!r} | vibevoice-asr transcribe -")
    path = Path(name).expanduser()
    if path.is_dir():
        yield from _in_folder(path)
    elif path.exists():
        yield Input(name, path, Path(path.name))
    else:
        raise UsageFault(f"There is no file or folder {name}.")


def _in_folder(top: Path) -> Iterator[Input]:
    """Recursively, by name; hidden files and folders are left alone."""
    for place, folders, files in os.walk(top):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if not name.startswith(".") and path.suffix.lower().removeprefix(".") in EXTENSIONS:
                yield Input(str(path), path, path.relative_to(top))


def _piped(folder: Path) -> Iterator[Input]:
    if sys.stdin.isatty():
        raise UsageFault("- reads a recording from the standard input, which is this terminal: pipe one in.")
    path = folder / "stdin"
    with path.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    if not path.stat().st_size:
        raise UsageFault("Nothing came by the standard input.")
    yield Input("stdin", path, Path("stdin"), piped=True)
