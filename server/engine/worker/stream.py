"""One stream as the worker's policy sees it: numbers only, no audio, no tensors, no clock of its own."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from model.seam.steps import Asked, Question


class Phase(StrEnum):
    """Where a stream stands. It only ever moves down this list, but a live one listens again after each answer."""

    WAITING = "waiting"
    """For pages and a row; audio may come in already."""
    LISTENING = "listening"
    """Runs; audio is still to come or to be encoded."""
    PREFILLING = "prefilling"
    """Was asked for its answer; more than one input is not in the KV cache yet."""
    DECODING = "decoding"
    """One input queued, one answer token per step."""


@dataclass(slots=True)
class StreamState:
    """What the scheduler and the step loop know of a stream.

    Attributes:
        number: the client's number for it; never used twice in a worker's life.
        announced_frames: audio frames that it will have at most.
        worst_positions: KV positions it can come to need: prompt with all announced frames, and longest answer.
        max_answer_tokens: an answer is cut here.
        arrived: time of its OpenStream.
        pages: reserved for it; 0 while it waits.
        frames_waiting: whole audio frames that are not encoded.
        frames_encoded: audio frames whose embeddings are queued or in the KV cache.
        queued: inputs that are not in the KV cache.
        positions: inputs in the KV cache.
        prompt_positions: length of the whole prompt, audio included; known once it was asked.
        answer_tokens: tokens answered and read, stop token excluded.
        unread: steps that answer it and were launched, but not read.
        held: nothing is known of its next input before they are read.
        live: asked again and again while its audio comes.
        audio_finished: all audio has come.
        question: what a live stream is to be asked next, or None.
        forced: text that the present answer was made to begin with.
        audio_positions: inputs up to the last audio frame, in or outside the KV cache.
        asked: the instruction is queued behind the audio, so that answer tokens come.
        admitted, first_token: times of these events, None before them.
    """

    number: int
    request_id: str
    announced_frames: int
    worst_positions: int
    max_answer_tokens: int
    arrived: float
    live: bool = False
    question: Question | None = None
    forced: str = ""
    audio_positions: int = 0
    pages: int = 0
    frames_waiting: int = 0
    frames_encoded: int = 0
    queued: int = 0
    positions: int = 0
    prompt_positions: int = 0
    answer_tokens: int = 0
    unread: int = 0
    held: bool = False
    audio_finished: bool = False
    asked: bool = False
    admitted: float | None = None
    first_token: float | None = None

    @property
    def phase(self) -> Phase:
        if not self.pages:
            return Phase.WAITING
        if not self.asked:
            return Phase.LISTENING
        return Phase.DECODING if self.queued <= 1 else Phase.PREFILLING

    @property
    def computable(self) -> bool:
        """A step can take an input of it. The token behind the longest answer is wanted, and none behind that."""
        return self.queued > 0 and not (self.unread and self.answer_tokens + self.unread > self.answer_limit)

    @property
    def ready_to_ask(self) -> bool:
        """All audio it is to be asked about is there and encoded, and the question was not put yet."""
        wanted = self.question is not None if self.live else self.audio_finished
        return self.pages > 0 and wanted and not self.frames_waiting and not self.asked

    @property
    def heard_too_much(self) -> bool:
        """More audio came than was announced, so that the reservation would not hold."""
        return self.frames_encoded + self.frames_waiting > self.announced_frames

    def count_asked(self, asked: Asked) -> None:
        """The instruction and the forced start are queued behind the audio."""
        self.asked, self.question, self.forced = True, None, asked.forced
        self.audio_positions = self.positions + self.queued
        self.queued = asked.queued
        self.prompt_positions = self.positions + asked.queued
        self.answer_tokens = 0

    @property
    def answer_limit(self) -> int:
        """Tokens that the present answer can have. What the prompt has more than was reserved the answer has less:

        the duration, known only when it is asked, may take a token more, and the forced start of an answer counts too.
        """
        return min(self.max_answer_tokens, self.worst_positions - self.prompt_positions)

    def count_withdrawn(self, queued: int) -> None:
        """Instruction and answer are gone again; ``queued`` inputs of the audio are outside the KV cache."""
        self.asked = self.held = False
        self.unread = 0
        self.queued = queued
        self.positions = self.audio_positions - queued

    def count_encoded(self, frames: int) -> None:
        self.frames_waiting -= frames
        self.frames_encoded += frames
        self.queued += frames

    def count_launched(self, positions: int, *, held: bool = False) -> None:
        """A step with ``positions`` of its inputs was launched. What it answers is the next input, known or not.

        ``held``: it may answer several tokens, so that nobody can go on before it is read.
        """
        self.queued -= positions
        self.positions += positions
        if self.asked and not self.queued:
            self.unread += 1
            self.held, self.queued = held, 0 if held else 1

    def count_answered(self, tokens: int) -> None:
        """A step was read: ``tokens`` more were answered, of which all but the last are in the KV cache."""
        self.unread -= 1
        self.answer_tokens += tokens
        self.positions += tokens - 1
        if self.held and not self.unread:
            self.held, self.queued = False, 1
