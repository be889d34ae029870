"""The runner of a family that writes while it hears: windows of audio and their text by turns.

What is asked is the text of all windows that are there, one after the other; it comes as one answer, with the token of
a turn's end behind each. A stream that hears more is asked again, with what it has answered in front
(``Question.begun``): all of that is in the KV cache, and only new windows are computed.

Nothing is guessed: words that were not said cannot be foreseen, and a window has a dozen tokens.
"""

from __future__ import annotations

from typing import Any, cast

import torch

from model.decoder.kv_cache import PageTable
from model.encoder.streaming import AudioBuffer
from model.family.vibevoice_asr_streaming.geometry import WindowGeometry
from model.family.vibevoice_asr_streaming.prompt import TurnPrompt
from model.loading.checkpoint import Checkpoint
from model.runner.row_steps import make_room
from model.runner.runner import Runner
from model.runner.stream import DeviceStream
from model.runner.turn_stream import TurnStream, WindowPart
from model.seam.audio import Level
from model.seam.streams import CannotFork, Question

_Work = tuple[TurnStream, int, WindowPart]
"""A stream, its number, and what of it is to be encoded."""


class TurnRunner(Runner):
    """See Runner."""

    def __init__(self, checkpoint: Checkpoint, **options: Any) -> None:
        super().__init__(checkpoint, **{**options, "drafts": False})
        family = checkpoint.family
        assert family.turns is not None
        self._geometry = cast(WindowGeometry, family.geometry)
        self._turn_prompt = cast(TurnPrompt, self._prompt)
        self._levelled, self._longest = family.levelled, family.turns.longest

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        """See StepRunner: what the model does not write itself."""
        windows = -(-frames // self._geometry.window_frames)
        around = self._geometry.window_frames + len(self._turn_prompt.around)
        return len(self._turn_prompt.opening(question.context)) + windows * around

    def fork(self, stream: int, of: int) -> None:
        """See StepRunner: it always raises CannotFork."""
        raise CannotFork("what is heard and written by turns is no common beginning")

    def open(self, stream: int, level: Level = Level(), *, system: str = "") -> None:  # noqa: B008 - frozen
        """See StepRunner. Raises ValueError when the number is in use."""
        if stream in self._streams:
            raise ValueError(f"stream {stream} is open already")
        self._streams[stream] = TurnStream(
            level if self._levelled else Level(),
            PageTable(self._decoder.pool),
            AudioBuffer(self._geometry.hop),
            0,
            geometry=self._geometry,
            prompt=self._turn_prompt,
            longest=self._longest,
        )

    def ask(self, stream: int, question: Question = Question()) -> str:  # noqa: B008 - frozen
        """See StepRunner. Raises ValueError likewise, and for a question that is none of this family's."""
        state = self._stream(stream)
        if state.counts.waiting:
            raise ValueError(f"{state.counts.waiting} frames are not encoded yet")
        if state.question is not None:
            raise ValueError(f"stream {stream} was asked already")
        if question.prefix or question.said:
            raise ValueError("what is written by turns is begun with tokens alone, and answers no other question")
        state.begin_turns(question)
        return ""

    def _stream(self, number: int) -> TurnStream:
        return cast(TurnStream, self._streams[number])

    def _encode(self, work: list[tuple[DeviceStream, int, int]]) -> frozenset[int]:
        """See Runner. Windows of one stream are rows of a batch: none needs another one."""
        parts = [(state, number, part) for _, number, frames in work for state in [self._stream(number)]
                 for part in state.take(frames)]  # fmt: skip
        return self._encode_parts(parts)

    def _encode_parts(self, work: list[_Work]) -> frozenset[int]:
        if not work:
            return frozenset()
        try:
            embeddings = self._encoder.encode(
                [part.state for _, _, part in work], [part.samples for _, _, part in work]
            )
        except torch.OutOfMemoryError as error:
            make_room(error)
            first, second = self._halves(work)
            if not first:
                return frozenset(number for _, number, _ in work)
            return self._encode_parts(first) | self._encode_parts(second)
        for (state, _, part), embedded in zip(work, embeddings, strict=True):
            state.hear(part, embedded)
        return frozenset()

    def _halves(self, work: list[_Work]) -> tuple[list[_Work], list[_Work]]:
        """Half of the parts each, or of one part's frames; nothing where that is one frame."""
        if len(work) > 1:
            return work[: len(work) // 2], work[len(work) // 2 :]
        [(state, number, part)] = work
        middle = part.samples.size // self._geometry.hop // 2 * self._geometry.hop
        if not middle:
            return [], []
        head = WindowPart(part.state, part.samples[:middle], last=False)
        return [(state, number, head)], [(state, number, WindowPart(part.state, part.samples[middle:], part.last))]
