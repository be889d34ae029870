"""Where the results go: the standard output, or files that are there whole or not at all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any
from uuid import uuid4

from server.commandline.faults import Fault, UsageFault
from server.commandline.transcribe.inputs import Input
from server.protocols.openai.response_format import AnyFormat, ResponseFormat, all_formats

_ALIASES = {"txt": ResponseFormat.TEXT, "webvtt": ResponseFormat.VTT}
_ENDINGS: dict[AnyFormat, str] = {
    ResponseFormat.TEXT: "txt",
    ResponseFormat.VERBOSE_JSON: "verbose.json",
    ResponseFormat.DIARIZED_JSON: "diarized.json",
}
"""Where a format's name is no file's ending: several formats of one recording lie beside each other."""
STDOUT = "-"
_PRINTING = Lock()
_NAMES = "{folder}, {stem}, {name}, {ext}, {format}"


def formats_of(texts: Sequence[str]) -> list[AnyFormat]:
    """``srt,vtt`` and repeated options as formats, each once; ``all`` is every one. Raises UsageFault."""
    known = {form.value: form for form in all_formats()} | _ALIASES
    found: dict[AnyFormat, None] = {}
    for text in ",".join(texts).split(","):
        name = text.strip().lower()
        if name == "all":
            found |= dict.fromkeys(all_formats())
        elif name in known:
            found[known[name]] = None
        elif name:
            raise UsageFault(f"There is no format {name!r}. There are {', '.join(known)} and all.")
    return list(found)


def ending(form: AnyFormat) -> str:
    """Of a file in this format, without a dot in front."""
    return _ENDINGS.get(form, form.value)


def format_of_file(name: str) -> AnyFormat | None:
    """Which format a file of this name should have, where its ending says so."""
    by_length = sorted(all_formats(), key=lambda form: -len(ending(form)))
    return next((form for form in by_length if name.lower().endswith(f".{ending(form)}")), None)


@dataclass(frozen=True, slots=True)
class Places:
    """Where results go. ``template``: of a file's path; None is the standard output."""

    template: str | None

    @classmethod
    def of(cls, output: str | None, inputs: Sequence[Input], formats: Sequence[AnyFormat]) -> Places:
        """What ``-o`` means for these recordings and formats. Raises UsageFault.

        Without it one result is printed; several are written into the working folder, as Whisper's commands do.
        """
        single = len(inputs) == 1 and len(formats) == 1
        if output == STDOUT or (output is None and single):
            return cls(None)
        output = output or "."
        if "{" in output:
            places = cls(output)
        elif output.endswith(("/", os.sep)) or not Path(output).suffix or Path(output).is_dir():
            places = cls(f"{_literal(output)}/{{folder}}/{{stem}}.{{ext}}")
        elif single:
            return cls(_literal(output))
        else:
            raise UsageFault(f"-o {output} is one file, and there are several results: give a folder, or {_NAMES}.")
        paths: set[Path | None] = set()
        for path in (places.file(each, form) for each in inputs for form in formats):
            if path in paths:
                raise UsageFault(f"Several results would be {path}: let -o tell them apart by {_NAMES}.")
            paths.add(path)
        return places

    def file(self, source: Input, form: AnyFormat) -> Path | None:
        """Of one result; None is the standard output. Raises UsageFault for a template that cannot be filled."""
        if self.template is None:
            return None
        stem = source.relative.stem if source.relative.suffix else source.relative.name
        try:
            filled = self.template.format(
                folder=source.relative.parent.as_posix(),
                stem=stem,
                name=source.relative.name,
                ext=ending(form),
                format=form.value,
            )
        except (KeyError, IndexError, ValueError, AttributeError):
            raise UsageFault(f"-o {self.template} cannot be filled: it may have {_NAMES}.") from None
        return Path(os.path.normpath(Path(filled).expanduser()))


def _literal(path: str) -> str:
    """In a template."""
    return path.replace("{", "{{").replace("}", "}}")


def text_of(result: Any) -> str:
    """As it stands in a file: JSON indented, and an end of the last line in any case."""
    text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False, indent=2)
    return text if not text or text.endswith("\n") else text + "\n"


def check_writable(files: Iterable[Path]) -> None:
    """Before anything is heard for them, as far as it can be foreseen. Raises Fault."""
    for file in files:
        if file.is_dir():
            raise Fault(f"{file} cannot be written: it is a folder.")
        folder = next(each for each in file.parents if each.parent == each or os.path.exists(each))  # noqa: PTH110
        if not folder.is_dir():
            raise Fault(f"{file} cannot be written: {folder} is no folder.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Fault(f"{file} cannot be written: nothing can be written to the folder {folder}.")


def write(file: Path, text: str) -> None:
    """The file is the old one until it is the new one. Raises Fault."""
    try:
        _replace(file, text)
    except OSError as error:
        raise Fault(f"{file} cannot be written: {error.strerror or error}.") from None


def _replace(file: Path, text: str) -> None:
    """The temporary file has a name of its own: a result's may be as long as names can be."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.parent / f".vibevoice-{uuid4().hex}"
    try:
        # What no UTF-8 can say, as of names of files, is written as JSON writes it.
        with temporary.open("x", encoding="utf-8", errors="backslashreplace", newline="\n") as stream:
            stream.write(text)
        temporary.replace(file)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def show(text: str) -> None:
    """On the standard output. Raises BrokenPipeError where nobody reads it."""
    with _PRINTING:
        sys.stdout.write(text)
        sys.stdout.flush()
