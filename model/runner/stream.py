"""What the device side keeps of one stream: inputs that wait, pages, encoder memory, and how its answer is guessed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import torch

from model.decoder.kv_cache import PageTable
from model.decoder.sampling import Draw
from model.drafts.answer_draft import AnswerDraft
from model.drafts.hypothesis import HypothesisDraft
from model.drafts.phrases import Phrases
from model.encoder.streaming import AudioBuffer, EncoderState
from model.seam.steps import StreamSpec

DRAFT_POSITIONS = 24
"""Longest guess at how an answer goes on; positions that a stream needs for a moment to verify it."""


class InputQueue:
    """Inputs that are not in the KV cache yet, in order: token ids and blocks of audio embeddings."""

    def __init__(self) -> None:
        self._parts: deque[list[int] | torch.Tensor] = deque()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, part: list[int] | torch.Tensor) -> None:
        if len(part):
            self._parts.append(part)
            self._length += len(part)

    def take(self, count: int) -> list[list[int] | torch.Tensor]:
        """Remove the first ``count`` inputs. Raises ValueError when there are fewer."""
        if count > self._length:
            raise ValueError(f"{count} inputs asked for, {self._length} are queued")
        self._length -= count
        taken: list[list[int] | torch.Tensor] = []
        while count:
            part = self._parts.popleft()
            if len(part) > count:
                self._parts.appendleft(part[count:])
                part = part[:count]
            taken.append(part)
            count -= len(part)
        return taken

    def keep(self, count: int) -> None:
        """Drop all but the first ``count`` inputs."""
        kept = self.take(min(count, self._length))
        self._parts = deque(kept)
        self._length = sum(map(len, kept))


@dataclass(slots=True)
class DeviceStream:
    """Everything the device side knows of one stream.

    ``samples``: of audio appended, before padding. ``finished``: no more comes, the last frame is padded.
    ``asked``: the instruction is written and answer tokens are wanted.
    ``answered``: answer tokens since the question, those of unread steps included.
    ``questions``: put so far; what a step says of an earlier one is nobody's any more.
    ``phrases``: of the context, once asked. ``draft``: guesses what comes next, None for streams that draw their
    tokens. ``memory``: guesses by an answer that this one may resemble.
    """

    spec: StreamSpec
    table: PageTable
    audio: AudioBuffer
    queue: InputQueue = field(default_factory=InputQueue)
    encoder: EncoderState = field(default_factory=EncoderState)
    samples: int = 0
    encoded_frames: int = 0
    finished: bool = False
    asked: bool = False
    answered: int = 0
    questions: int = 0
    phrases: Phrases | None = None
    draft: AnswerDraft | None = None
    memory: HypothesisDraft | None = None

    def begin_answer(self) -> None:
        """The instruction is queued."""
        self.asked, self.answered = True, 0
        self.questions += 1

    def end_answer(self) -> None:
        """The question is withdrawn, or the stream is released."""
        self.asked = False
        self.questions += 1

    def draws(self, place: int) -> list[Draw]:
        """How its next answer token is drawn, at that place of a step; none where it is the best one."""
        if self.spec.temperature == 0:
            return []
        return [Draw(place, self.spec.temperature, self.spec.seed, self.answered)]

    def follow(self, tokens: list[int]) -> None:
        """Take note of the next tokens of the answer, which are counted already."""
        if self.draft is not None:
            self.draft.follow(tokens)
        if self.memory is not None:
            self.memory.follow(tokens)

    def guess(self, unread: int = 0) -> list[int]:
        """Answer tokens worth verifying in the next forward. ``unread``: 1 where the token before them is not known."""
        left = max(0, self.spec.max_answer_tokens - self.answered)  # pages are reserved for no more
        remembered = self.memory.guess(unread)[:left] if self.memory is not None else []
        if remembered or self.draft is None:
            return remembered
        return self.draft.guess(unread)[:DRAFT_POSITIONS]
