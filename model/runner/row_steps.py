"""The rows of one step: what goes into the decoder, and what its choices mean for the streams.

The device runs while the host plans: ``DecodedStep`` launches a step, and ``read`` waits for what it chose. In between
the next step may be launched. A row without guesses has its next input where the device left it (``UNREAD``); a row
with guesses is *held*, for only the host can tell how many of them came true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from model.decoder.decoder import Decoder
from model.decoder.graphs import UNREAD
from model.decoder.sampling import Draw, likeliest_at, split
from model.device.transfer import Readback
from model.drafts.bounds import MOST_GUESSED
from model.encoder.streaming import StreamingEncoder
from model.runner.stream import DeviceStream
from model.seam.steps import Emitted, RowWork
from model.seam.streams import Likeliest


@dataclass(frozen=True, slots=True)
class Row:
    """One stream's part of a step.

    ``question``: the stream's ``questions`` when it was made. ``answer``: the next input, one id that stands for the
    token until that is read; empty where none comes out or guesses ride along.
    """

    number: int
    stream: DeviceStream
    question: int
    inputs: list[list[int] | torch.Tensor]
    answers: bool
    guess: list[int]
    answer: list[int] = field(default_factory=list)

    @property
    def length(self) -> int:
        """Its inputs, guessed ones included."""
        return sum(map(len, self.inputs)) + len(self.guess)

    @property
    def places(self) -> int:
        """Its last inputs, at which a token comes out."""
        return len(self.guess) + 1 if self.answers else 0

    @property
    def held(self) -> bool:
        """Its stream's next input is not known before the step is read."""
        return bool(self.guess) or (self.answers and self.stream.by_turns)

    @property
    def forgotten(self) -> bool:
        """The stream was released, or its question taken back."""
        return self.stream.questions != self.question

    @property
    def likeliest(self) -> bool:
        """The likeliest tokens of its places are to be told."""
        return self.stream.question is not None and self.stream.question.likeliest

    def settle(self, tokens: list[int], logprobs: list[float], likeliest: tuple[Likeliest, ...] = ()) -> Emitted:
        """Accept what was chosen at its places: verified guesses and the token behind them. Wrong guesses leave the KV
        cache again."""
        stream, count = self.stream, _verified(self.guess, tokens) + 1
        if stream.by_turns:
            return Emitted(self.number, *stream.accept(tokens[0], logprobs[0]))
        tokens, logprobs = tokens[:count], logprobs[:count]
        if self.guess:
            stream.table.crop(stream.table.length - (len(self.guess) - (count - 1)))
            stream.queue.put(tokens[-1:])
            stream.answered += count
        else:
            self.answer[:] = tokens  # where it still waits in the queue; a step that took it has it from the device
        stream.follow(tokens)
        return Emitted(self.number, tuple(tokens), tuple(logprobs), len(self.guess), likeliest[:count])


def rows_of_step(streams: Mapping[int, DeviceStream], work: Sequence[RowWork]) -> list[Row]:
    """Take the rows' inputs; where a queue runs empty an answer token comes, and guesses ride behind the inputs.

    Shortest first: alike rows share rectangles. Raises ValueError when more is planned than is queued.
    """
    rows, room = [], MOST_GUESSED
    for item in work:
        stream = streams[item.stream]
        inputs = stream.queue.take(item.positions)
        answers = stream.question is not None and not stream.queue
        guess = stream.guess(_unread(inputs[-1]))[:room] if answers else []
        room -= len(guess)
        rows.append(Row(item.stream, stream, stream.questions, inputs, answers, guess))
    return sorted(rows, key=lambda row: row.length)


def _unread(last: list[int] | torch.Tensor) -> int:
    """How many of the ``last`` inputs are answer tokens that nobody has read."""
    return int(isinstance(last, list) and last[-1] <= UNREAD)


class DecodedStep:
    """Rows that were launched.

    Attributes:
        held: see PendingStep.
        failed: see PendingStep.
    """

    def __init__(self, decoder: Decoder, encoder: StreamingEncoder, rows: list[Row]) -> None:
        self._rows: list[Row] = []
        self._wide = any(row.answers and row.likeliest for row in rows)  # the choices have room for the likeliest
        failed: set[int] = set()
        choices = []
        with torch.cuda.stream(decoder.stream):  # does nothing where there is no such stream
            waiting = [rows]
            while waiting:
                part = [row for row in waiting.pop() if row.number not in failed]
                if not part:
                    continue
                try:
                    choice = _forward(decoder, encoder, part, wide=self._wide)
                except torch.OutOfMemoryError as error:
                    make_room(error)
                    parts = _parts(part)
                    waiting += reversed(parts)
                    failed.update(row.number for row in part if not parts)
                else:
                    choices.append(choice.clone() if waiting else choice)  # the next part may write where this one did
                    self._rows += part
            if choices:
                choice = choices[0] if len(choices) == 1 else torch.cat(choices, dim=1)
                decoder.keep(choice)
                self._choice = Readback(choice, decoder.stream)
        self.failed = frozenset(failed)
        self.held = frozenset(row.number for row in self._rows if row.held)
        self._queue_answers()

    def _queue_answers(self) -> None:
        """Let the answer of every row that is not held be its stream's next input, before anybody has read it."""
        place = 0
        for row in self._rows:
            if row.answers and not row.held:
                row.answer.append(UNREAD - place)
                row.stream.queue.put(row.answer)
                row.stream.answered += 1
            place += row.places

    def read(self) -> tuple[Emitted, ...]:
        """Wait for the step and settle its rows."""
        if not self._rows:
            return ()
        choice = self._choice.read()
        tokens, logprobs = split(choice)
        emitted, place = [], 0
        for row in self._rows:
            span = slice(place, place + row.places)
            place += row.places
            if row.answers and not row.forgotten:
                told = range(*span.indices(place)) if row.likeliest else ()
                likeliest = tuple(likeliest_at(choice, each) for each in told)
                emitted.append(row.settle(tokens[span], logprobs[span], likeliest))
        return tuple(emitted)


def _forward(decoder: Decoder, encoder: StreamingEncoder, rows: list[Row], *, wide: bool) -> torch.Tensor:
    """The choices at the rows' places, with room for the likeliest or without. Raises torch.OutOfMemoryError with
    nothing changed."""
    inputs = [part for row in rows for part in (*row.inputs, row.guess) if len(part)]
    if audio := [part for part in inputs if isinstance(part, torch.Tensor)]:
        encoder.wait(decoder.stream, audio)
    places: list[int] = []
    draws: list[Draw] = []
    likeliest: list[int] = []
    end = 0
    for row in rows:
        end += row.length
        if row.answers:
            draws += row.stream.draws(len(places))
            likeliest += range(len(places), len(places) + row.places) if row.likeliest else ()
        places += range(end - row.places, end)
    tables = [(row.stream.table, row.length) for row in rows]
    return decoder.forward(inputs, tables, places, draws, likeliest if wide else None)


def _parts(rows: list[Row]) -> list[list[Row]]:
    """The same work in two steps, or none: half of the rows each, a row without its guesses, half of its inputs."""
    if len(rows) > 1:
        return [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    [row] = rows
    if row.guess:
        return [[replace(row, guess=[])]]
    first, second = _cut(row.inputs, row.length // 2)
    if not first:
        return []
    return [[replace(row, inputs=first, answers=False)], [replace(row, inputs=second)]]


def _cut(
    inputs: list[list[int] | torch.Tensor], count: int
) -> tuple[list[list[int] | torch.Tensor], list[list[int] | torch.Tensor]]:
    """The first ``count`` inputs and the others."""
    first: list[list[int] | torch.Tensor] = []
    second: list[list[int] | torch.Tensor] = []
    for part in inputs:
        size = min(count, len(part))
        first += [part[:size]] if size else []
        second += [part[size:]] if size < len(part) else []
        count -= size
    return first, second


def make_room(error: torch.OutOfMemoryError) -> None:
    """Give back what the allocator keeps. Call it where nothing refers to what the failed computation made."""
    error.__traceback__ = None  # its frames do
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _verified(guess: list[int], tokens: list[int]) -> int:
    """How many guesses the model agrees with: ``tokens[i]`` is what it says where ``guess[i]`` was assumed."""
    for place, guessed in enumerate(guess):
        if guessed != tokens[place]:
            return place
    return len(guess)
