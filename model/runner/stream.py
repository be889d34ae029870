"""What the device side keeps of one stream: inputs that wait, pages, encoder state, and how its answer is guessed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import ClassVar

import torch

from model.decoder.kv_cache import OutOfPagesError, PageTable
from model.decoder.sampling import Draw
from model.drafts.answer_draft import AnswerDraft
from model.drafts.bounds import DRAFT_POSITIONS
from model.drafts.hypothesis import HypothesisDraft
from model.drafts.phrases import Phrases
from model.encoder.streaming import AudioBuffer, EncoderState
from model.seam.audio import Level, Samples
from model.seam.streams import CannotFork, Question, StreamCounts


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

    Attributes:
        level: of its audio.
        before: tokens in front of the audio.
        samples: of audio appended, and of silence that more audio was appended to.
        padding: samples of silence that fill up the last frame.
        encoded: frames.
        question: what it is asked: the instruction is queued and answer tokens are wanted. None while it listens.
        answered: tokens of the answer, those that were given before and those of unread steps included.
        questions: put and taken back so far; what a step says of an earlier one is nobody's any more.
        behind: tokens behind the audio, as far as they are known: instruction, forced start, answer. Those of them that
            are in the KV cache stay there when the question is taken back, until audio comes or another question.
        phrases: of the last context.
        draft: guesses what comes next, None for answers that are drawn.
        hypothesis: guesses by an answer that this one may resemble.
        forked: it has its audio from another one.
    """

    by_turns: ClassVar[bool] = False
    """What follows an answer token is not known before that is read, see ``TurnStream``."""

    level: Level
    table: PageTable
    audio: AudioBuffer
    before: int
    queue: InputQueue = field(default_factory=InputQueue)
    encoder: EncoderState = field(default_factory=EncoderState)
    samples: int = 0
    padding: int = 0
    encoded: int = 0
    question: Question | None = None
    answered: int = 0
    questions: int = 0
    behind: list[int] = field(default_factory=list)
    phrases: tuple[str | None, Phrases] | None = None
    draft: AnswerDraft | None = None
    hypothesis: HypothesisDraft | None = None
    forked: bool = False

    @property
    def counts(self) -> StreamCounts:
        kept = max(0, self.table.length - self._audio_end) if self.question is None else 0
        cached = self.table.length - kept
        return StreamCounts(self.audio.frames, self.encoded, len(self.queue), cached, self.answered, kept)

    def fork(self) -> DeviceStream:
        """Another one that has heard the same, to be asked something else. It can hear no more.

        Raises CannotFork where not all audio is in the KV cache, or there is no page.
        """
        if self.audio.frames or self.table.length < self._audio_end:
            raise CannotFork("its audio is not heard to the end")
        try:
            table = self.table.fork(self._audio_end)
        except OutOfPagesError as error:
            raise CannotFork(str(error)) from error
        fork = DeviceStream(self.level, table, AudioBuffer(self.audio.hop), self.before, forked=True)
        fork.samples, fork.padding, fork.encoded = self.samples, self.padding, self.encoded
        return fork

    def append(self, samples: Samples) -> None:
        """More audio, behind the padding if there is any. Raises ValueError for a fork."""
        if self.forked:
            raise ValueError("a fork hears nothing")
        self._forget_behind()
        self.samples += self.padding + samples.size
        self.padding = 0
        self.audio.append(self.level.apply(samples))

    def pad(self) -> None:
        """Fill up the started frame; the only place where a frame is."""
        if silence := self.audio.pad():
            self._forget_behind()
            self.padding += silence

    def begin_answer(self, question: Question, behind: list[int]) -> None:
        """``behind`` the audio stand the instruction and what the answer begins with.

        Those that stand in the KV cache already are not queued again, but for the last: somebody has to tell what comes
        behind it.
        """
        known = sum(1 for _ in takewhile(_alike, zip(self.behind, behind[:-1], strict=False)))
        kept = max(0, min(known, self.table.length - self._audio_end))
        self._crop(kept)
        self.behind = behind
        self.queue.put(behind[kept:])
        self.question, self.answered = question, len(question.begun)
        self.draft = self.hypothesis = None
        self.questions += 1

    def end_answer(self) -> None:
        """The question is taken back: what is known of its tokens stays in the KV cache, and none is queued."""
        self._crop(len(self.behind))
        self.question = None
        self.questions += 1

    def release(self) -> None:
        """Give the pages back; what steps say of it is nobody's any more."""
        self.questions += 1
        self.table.release()

    @property
    def _audio_end(self) -> int:
        """Positions up to the end of the audio that is encoded, in the KV cache or queued for it."""
        return self.before + self.encoded

    def _crop(self, kept: int) -> None:
        """Of what stands behind the audio leave this much in the KV cache, and nothing in the queue."""
        self.queue.keep(max(0, self._audio_end - self.table.length))
        self.table.crop(min(self.table.length, self._audio_end + kept))

    def _forget_behind(self) -> None:
        """Audio comes where the last question stood."""
        if self.behind:
            self._crop(0)
            self.behind = []

    def draws(self, place: int) -> list[Draw]:
        """How its next answer token is drawn, at that place of a step; none where it is the best one."""
        if self.question is None or self.question.temperature == 0:
            return []
        return [Draw(place, self.question.temperature, self.question.seed, self.answered, self.question.top_p)]

    def follow(self, tokens: list[int]) -> None:
        """Take note of the next tokens of the answer, which are counted already."""
        self.behind += tokens
        if self.draft is not None:
            self.draft.follow(tokens)
        if self.hypothesis is not None:
            self.hypothesis.follow(tokens)

    def accept(self, token: int, logprob: float) -> tuple[tuple[int, ...], tuple[float, ...]]:
        """Take what was chosen where ``by_turns``."""
        raise NotImplementedError

    def guess(self, unread: int = 0) -> list[int]:
        """Answer tokens worth verifying in the next forward. ``unread``: 1 where the token before them is not known."""
        limit = self.question.max_tokens if self.question else 0
        left = max(0, limit - self.answered)  # pages are reserved for no more
        remembered = self.hypothesis.guess(unread)[:left] if self.hypothesis is not None else []
        if remembered or self.draft is None:
            return remembered
        return self.draft.guess(unread)[:DRAFT_POSITIONS]


def _alike(pair: tuple[int, int]) -> bool:
    one, other = pair
    return one == other
