"""What crosses between the engine's policy and the tensors: one plan in, one result out, per step.

No torch here: the scheduler, the tests of it and the API process import this file. A *stream* is one recording on its
way through the model. Its positions are laid out as the checkpoint's template orders them::

    [ tokens before the audio | one position per audio frame | instruction (duration, context) | answer ... ]

A stream owns a queue of inputs that are not in the KV cache yet (token ids or audio embeddings). A step moves the next
inputs of some streams into the cache. Whenever a stream that was asked for its answer has an empty queue after the
step, one token of the answer comes out and becomes its next input. Prefill and decode are therefore the same verb
with different counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from model.seam.audio import Level

Samples = npt.NDArray[np.float32]
"""Mono audio at the checkpoint's sampling rate (24 kHz), float32, full scale +-1."""

AttentionName = Literal["auto", "sdpa", "varlen", "flash", "triton"]
"""An attention backend; ``auto`` takes the best that runs on the device."""

WeightFormat = Literal["bf16", "nf4", "int8", "fp8"]
"""What the decoder's linear maps are kept in; ``bf16`` stands for the model's own dtype, whichever that is."""


WeightsName = Literal["auto", "bf16", "nf4", "int8", "fp8"]
"""What is asked for; ``auto`` takes the weights as the checkpoint has them."""


@dataclass(frozen=True, slots=True)
class StepSizes:
    """What one step does at most: rows, positions that are not decoded ones, audio frames padded to a rectangle."""

    max_rows: int = 32
    prefill_positions: int = 2048
    encode_frames: int = 150


DEFAULT_STEPS = StepSizes()


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """How one stream is to be transcribed; fixed for its life.

    Attributes:
        context: hotwords or background text for the prompt, or None.
        level: the gain that brings the audio to the level the model was trained on.
        force_header: write the assistant header instead of letting the model say it (saves three steps).
        temperature: 0 decodes greedily; above 0 samples from the scaled distribution.
        seed: of the sampling. It alone decides the noise, whatever the company in the batch.
        max_answer_tokens: the answer is cut here and reported as such.
    """

    context: str | None = None
    level: Level = field(default_factory=Level)
    force_header: bool = True
    temperature: float = 0.0
    seed: int = 0
    max_answer_tokens: int = 4096


@dataclass(frozen=True, slots=True)
class Question:
    """What a stream is asked for.

    In float32, and everywhere with one order of summation, a guess changes how fast tokens come and none of them.

    Attributes:
        prefix: text the answer is forced to begin with: nothing, or ``[`` and whole segments (``[{...},{...}``). The
            model decides itself what follows the last segment's content; ``Asked`` tells where it begins to.
        guess: an answer that this one may resemble, such as the one to less audio, from its beginning on.
    """

    prefix: str = ""
    guess: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question came to.

    Attributes:
        queued: inputs of the stream that are not in the KV cache now.
        forced: text the answer was made to begin with, the header excluded: the question's prefix up to where the
            model goes on. The text of the answer is this and, right behind it, the text of the answer's tokens.
    """

    queued: int
    forced: str


@dataclass(frozen=True, slots=True)
class EncodeWork:
    """Encode the next ``frames`` hop frames of a stream's audio; their embeddings join its input queue."""

    stream: int
    frames: int


@dataclass(frozen=True, slots=True)
class RowWork:
    """Move the next ``positions`` queued inputs of a stream into the KV cache (1 while it decodes)."""

    stream: int
    positions: int


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step of the device: which rows to compute and what to encode.

    Both happen side by side: rows take inputs that were queued before the step, and the frames that it encodes are
    inputs of later ones.
    """

    encode: tuple[EncodeWork, ...] = ()
    rows: tuple[RowWork, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.encode and not self.rows


@dataclass(frozen=True, slots=True)
class Emitted:
    """Answer tokens that one stream produced in a step, stop token included, with their log-probabilities.

    All but the last are in the KV cache already (they were guessed right); the last is the stream's only queued input.
    """

    stream: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came out of a step. Streams that were released or withdrawn since it was launched have no part in it."""

    emitted: tuple[Emitted, ...] = ()


@dataclass(frozen=True, slots=True)
class PendingStep:
    """A step that was launched and may still run.

    Attributes:
        read: waits for the end of the step and returns what came out of it; once, and in the order of the launches.
        held: streams whose next input is not known before ``read``, for guesses ride along. Any other answering stream
            can be planned again at once: its next input is wherever the device left it.
        failed: streams for which the device had not enough memory, however small the step; of no use but to release.
    """

    read: Callable[[], StepResult]
    held: frozenset[int] = frozenset()
    failed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """What a loaded runner can hold and how it runs; shown in the log, ``/metrics`` and ``/v1/models``.

    Attributes:
        page_size: positions per KV page.
        pages: pages in the pool; all streams share them.
        max_positions: longest sequence the checkpoint was made for (prompt and answer together).
        stop_ids: tokens that end an answer.
        draft_positions: positions beyond its prompt and answer that a stream may need while guesses are verified.
        largest_step: what a step may do at most by the memory that was planned for it, None where nothing was planned.
        launches_ahead: the device works while the host does something else, so that the next step is better launched
            before the answers of the last one are read.
    """

    checkpoint: str
    checkpoint_path: str
    sample_rate: int
    hop: int
    page_size: int
    pages: int
    max_positions: int
    stop_ids: frozenset[int]
    device: str
    dtype: str
    attention: str
    draft_positions: int = 0
    largest_step: StepSizes | None = None
    launches_ahead: bool = False


class StepRunner(Protocol):
    """The device as the engine sees it. ``model.runner.runner.Runner`` is the real one; tests may script another.

    All calls come from one thread. ``stream`` numbers are chosen by the caller and may not be reused before
    ``release``. Calls for an unknown stream raise KeyError.
    """

    @property
    def info(self) -> RunnerInfo: ...

    @property
    def free_pages(self) -> int: ...

    def prompt_positions(self, spec: StreamSpec, frames: int) -> int:
        """Positions of the whole prompt for ``frames`` audio frames."""
        ...

    def open(self, stream: int, spec: StreamSpec) -> int:
        """Begin a stream. Returns the inputs now queued (the tokens before the audio)."""
        ...

    def append_audio(self, stream: int, samples: Samples) -> int:
        """Add audio of any length. Returns the whole frames now waiting to be encoded."""
        ...

    def finish_audio(self, stream: int) -> int:
        """No more audio comes: the last started frame is padded. Returns the frames waiting to be encoded."""
        ...

    def ask(self, stream: int, question: Question = Question()) -> Asked:
        """Queue the instruction and the forced start of the answer behind the encoded audio.

        Every appended frame must have been encoded. From here on the stream emits answer tokens, those of the forced
        start excluded.
        """
        ...

    def withdraw(self, stream: int) -> int:
        """Take back instruction and answer, so that more audio can be encoded or another question asked.

        Returns the inputs now queued: audio that was not computed yet, usually none.
        """
        ...

    def launch(self, plan: StepPlan) -> PendingStep:
        """Start a step. Of the steps launched before, at most the last one may be unread.

        A step for which there is not enough memory is done in parts.
        """
        ...

    def release(self, stream: int) -> None:
        """Forget the stream and free its pages; safe at every stage."""
        ...

    def check_integrity(self) -> None:
        """Raise AssertionError when pages leaked or are owned twice."""
        ...
