"""The recordings one beside the other: a server, or the engine here, computes those that run at once together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from server.commandline.faults import Fault, Status
from server.commandline.transcribe.display import Display, clock, reporting
from server.commandline.transcribe.done import is_done, note
from server.commandline.transcribe.hearing import Fields, Hearing, Result, heard
from server.commandline.transcribe.hearing import Recording as ToHear
from server.commandline.transcribe.inputs import Input
from server.commandline.transcribe.places import Places, show, text_of, write
from server.protocols.openai.response_format import AnyFormat


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be done with every recording.

    Attributes:
        places: of the results.
        formats: of each.
        fields: of the request.
        digest: of everything that decides what a result is.
        overwrite: also what was done before.
        patience: seconds that a recording may wait for who cannot now.
        most: recordings at once.
    """

    places: Places
    formats: Sequence[AnyFormat]
    fields: Fields
    digest: str
    overwrite: bool
    patience: float
    most: int

    def files(self, source: Input) -> list[Path]:
        """Of its results; none where they are printed."""
        paths = [self.places.file(source, form) for form in self.formats]
        return [path for path in paths if path is not None]

    def is_done(self, source: Input) -> bool:
        """It was, with the same options, and did not change since."""
        files = self.files(source)
        return bool(files) and not source.piped and not self.overwrite and is_done(source.file, files, self.digest)


@dataclass(slots=True)
class _Tally:
    done: int = 0
    skipped: int = 0
    failed: int = 0
    seconds: float = 0.0
    began: float = field(default_factory=monotonic)

    def __str__(self) -> str:
        spent = monotonic() - self.began
        parts = [f"{self.done} done"]
        parts += [f"{self.skipped} done before"] if self.skipped else []
        parts += [f"{self.failed} failed"] if self.failed else []
        speed = f", {clock(self.seconds)} of audio in {clock(spent)} ({self.seconds / spent:.1f}x)" if self.done else ""
        return ", ".join(parts) + speed


async def transcribe_all(
    hearing: Hearing, inputs: Sequence[Input], task: Task, display: Display, *, skipped: int = 0
) -> Status:
    """Each of ``inputs``, whatever becomes of the others. Raises BrokenPipeError where nobody reads what is printed.

    ``skipped``: recordings that were done before, for the last line.
    """
    tally, waiting = _Tally(skipped=skipped), list(inputs)[::-1]

    async def work() -> None:
        while waiting:
            await _one(hearing, waiting.pop(), task, display, tally)

    async with reporting(display):
        workers = [asyncio.create_task(work()) for _ in range(min(task.most, len(inputs)))]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    if len(inputs) + skipped > 1:
        display.say(str(tally))
    return Status.FAILED if tally.failed else Status.DONE


async def _one(hearing: Hearing, source: Input, task: Task, display: Display, tally: _Tally) -> None:
    row = display.begin(source.name)
    try:
        formats = [form.value for form in task.formats]
        result = await heard(hearing, ToHear(source.name, source.file), task.fields, formats, row, task.patience)
        written = await asyncio.to_thread(_deliver, source, result, task)
    except Fault as fault:
        tally.failed += 1
        display.end(row, "")
        display.failed(f"{source.name}: {fault.message}")
        return
    except BrokenPipeError:
        raise
    except OSError as error:
        tally.failed += 1
        display.end(row, "")
        display.failed(f"{source.name}: the result cannot be printed: {error.strerror}.")
        return
    tally.done += 1
    tally.seconds += result.seconds
    spent = monotonic() - row.first
    told = (
        f"{source.name}: {clock(result.seconds)} of audio in {clock(spent)} ({result.seconds / max(spent, 1e-3):.1f}x)"
    )
    display.end(row, told + "".join(f" → {path}" for path in written[:1]) + (" …" if written[1:] else ""))
    for each in result.notes:
        display.say(f"{source.name}: {each}")


def _deliver(source: Input, result: Result, task: Task) -> list[Path]:
    """Print it, or write its files."""
    files = task.files(source)
    if not files:
        for form in task.formats:
            show(text_of(result.formats[form.value]))
        return []
    for form, file in zip(task.formats, files, strict=True):
        write(file, text_of(result.formats[form.value]))
    if not source.piped:
        note(files, task.digest)
    return files
