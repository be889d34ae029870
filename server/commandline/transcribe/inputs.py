"""Which recordings are meant: files, everything below a folder that looks like one, and the standard input."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from server.commandline.faults import Fault, UsageFault
from server.commandline.running import left_behind

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
        piped: it came by a pipe, and is no file that is there another time.
    """

    name: str
    file: Path
    relative: Path
    piped: bool = False


@contextmanager
def inputs(names: Sequence[str]) -> Iterator[list[Input]]:
    """All of them in order, each once. What comes by a pipe lies in a temporary file until the end.

    Raises UsageFault where something is not there, or there is nothing.
    """
    with _room() as folder:
        yield _found(names, Path(folder))


@asynccontextmanager
async def inputs_meanwhile(names: Sequence[str]) -> AsyncIterator[list[Input]]:
    """The same, and a signal is heard while a pipe is read."""
    with _room() as folder:
        yield await left_behind(partial(_found, names, Path(folder)))


def _room() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="vibevoice-", ignore_cleanup_errors=True)


def _found(names: Sequence[str], folder: Path) -> list[Input]:
    if list(names).count(STDIN) > 1:
        raise UsageFault("The standard input (-) can be read once.")
    found: dict[Path, Input] = {}
    for number, name in enumerate(names):
        copy = folder / str(number)
        for each in _stdin(copy) if name == STDIN else _named(name, copy):
            found.setdefault(each.file.resolve(), each)
    if not found:
        raise UsageFault(f"There is no recording in {', '.join(names)}.")
    return list(found.values())


def _named(name: str, copy: Path) -> Iterator[Input]:
    if "://" in name:
        raise UsageFault(f"{name}: give a file, or fetch it: curl -L {name!r} | vibevoice-asr transcribe -")
    path = Path(name).expanduser()
    if path.is_dir():
        yield from _in_folder(path)
    elif path.is_file():
        yield Input(name, path, Path(path.name))
    elif path.exists():  # <(...), /dev/stdin, a named pipe: it has no size, and can be read once
        _copy(path, copy, name)
        yield Input(name, copy, Path(path.name), piped=True)
    else:
        raise UsageFault(f"There is no file or folder {name}.")


def _in_folder(top: Path) -> Iterator[Input]:
    """Recursively, by name; hidden files and folders are left alone, and what is no file: a pipe, a device."""
    for place, folders, files in os.walk(top):
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        for name in sorted(files):
            path = Path(place) / name
            if not name.startswith(".") and path.suffix.lower().removeprefix(".") in EXTENSIONS and _may_be_read(path):
                yield Input(str(path), path, path.relative_to(top))


def _may_be_read(path: Path) -> bool:
    """A link to nothing is told as a recording that cannot be read."""
    return path.is_file() or not path.exists()


def _stdin(copy: Path) -> Iterator[Input]:
    if sys.stdin.isatty():
        raise UsageFault("- reads a recording from the standard input, which is this terminal: pipe one in.")
    _copy(sys.stdin.fileno(), copy, "stdin")
    if not copy.stat().st_size:
        raise UsageFault("Nothing came by the standard input.")
    yield Input("stdin", copy, Path("stdin"), piped=True)


def _copy(source: Path | int, copy: Path, name: str) -> None:
    """Without a buffer of Python's: one that is being read at the end of the process is a fatal error."""
    try:
        with open(source, "rb", buffering=0, closefd=not isinstance(source, int)) as stream, copy.open("wb") as file:
            shutil.copyfileobj(stream, file)
    except OSError as error:
        raise Fault(f"{name} cannot be read, or kept in {copy.parent}: {error.strerror or error}.") from None
