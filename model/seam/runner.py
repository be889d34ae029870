"""The device as the engine sees it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from model.family import Family, Geometry
from model.seam.audio import Level, Samples
from model.seam.steps import PendingStep, StepPlan, StepSizes
from model.seam.streams import Question, StreamCounts

AttentionName = Literal["auto", "sdpa", "varlen", "flash", "triton"]
"""An attention backend; ``auto`` takes the best that runs on the device."""

WeightFormat = Literal["bf16", "nf4", "int8", "fp8"]
"""What the decoder's linear maps are kept in; ``bf16`` stands for the model's own dtype, whichever that is."""

WeightsName = Literal["auto", "bf16", "nf4", "int8", "fp8"]
"""What is asked for; ``auto`` takes the weights as the checkpoint has them."""


@dataclass(frozen=True, slots=True)
class RunnerInfo:
    """What a loaded runner can hold and how it runs; shown in the log, ``/metrics`` and ``/v1/models``.

    Attributes:
        family: how the checkpoint hears audio and writes answers.
        page_size: positions per KV page.
        pages: pages in the pool; all streams share them.
        max_positions: longest sequence the checkpoint was made for (prompt and answer together).
        stop_ids: tokens that end an answer.
        draft_positions: positions beyond its prompt and answer that a stream may need while guesses are verified.
        largest_step: what a step may do at most by the memory that was planned for it, None where nothing was planned.
        adapters: names of those that a stream can be decoded with.
        launches_ahead: the device works while the host does something else, so that the next step is better launched
            before the answers of the last one are read.
    """

    checkpoint: str
    checkpoint_path: str
    family: Family
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
    adapters: tuple[str, ...] = ()

    @property
    def geometry(self) -> Geometry:
        """How audio is cut into frames."""
        return self.family.geometry


class StepRunner(Protocol):
    """``model.runner.runner.Runner`` is the real one; tests may script another.

    All calls come from one thread. ``stream`` numbers are chosen by the caller and may not be reused before
    ``release``. Calls for an unknown stream raise KeyError.
    """

    @property
    def info(self) -> RunnerInfo: ...

    @property
    def free_pages(self) -> int: ...

    def prompt_positions(self, frames: int, question: Question, *, system: str = "") -> int:
        """Positions of the whole prompt for ``frames`` audio frames, without what a prefix forces of the answer."""
        ...

    def open(self, stream: int, level: Level, *, system: str = "") -> None:
        """Begin a stream: the tokens before the audio are queued. ``system``: see StreamSpec."""
        ...

    def fork(self, stream: int, of: int) -> None:
        """Begin a stream that has heard what another one has: of that nothing is computed again, nor kept twice.

        It cannot be appended to; both are asked, cropped and released each for itself. Raises CannotFork where the
        other one has not heard all its audio, or there is no page for it, or the family knows no forks.
        """
        ...

    def adapt(self, stream: int, adapter: str) -> None:
        """Have the stream decoded with this adapter of ``info``; before anything else is done with it."""
        ...

    def append(self, stream: int, samples: Samples) -> None:
        """Add audio of any length."""
        ...

    def pad(self, stream: int) -> None:
        """Fill the started last frame with silence, so that it can be encoded. More audio may follow on that."""
        ...

    def ask(self, stream: int, question: Question) -> str:
        """Queue the instruction and the forced start of the answer behind the encoded audio.

        No whole frame may wait to be encoded. From here on the stream emits answer tokens, those of the forced start
        and those that were given before excluded. Returns the text that the answer was made to begin with, the header
        excluded: the question's prefix up to where the model goes on. The text of the answer is this and, right behind
        it, the text of its tokens, the given ones first.
        """
        ...

    def crop(self, stream: int) -> None:
        """Take back instruction and answer, so that more audio can be encoded or another question asked.

        What is known of them stays in the KV cache until audio comes. A question that begins alike, as one behind some
        of the answer does (``Question.begun``), finds it there: only what differs is queued, and the last input.
        """
        ...

    def counts(self, stream: int) -> StreamCounts:
        """How far the stream is, after whatever was done last."""
        ...

    def launch(self, plan: StepPlan) -> PendingStep:
        """Start a step. Of the steps launched before, at most the last one may be unread.

        A step for which there is not enough memory is done in parts.
        """
        ...

    def settle(self) -> None:
        """Wait until all that was launched, and read, is computed: frames may still be when their step is read."""
        ...

    def release(self, stream: int) -> None:
        """Forget the stream and free its pages; safe at every stage."""
        ...

    def check_integrity(self) -> None:
        """Raise AssertionError when pages leaked or are owned twice."""
        ...
