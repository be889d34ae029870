"""One step of the device: the plan that goes in, the result that comes out.

A *stream* is audio on its way through the model. Its positions are laid out as the checkpoint's template orders them::

    [ tokens before the audio | one position per audio frame | instruction (duration, context) | answer ... ]

A stream owns a queue of inputs that are not in the KV cache yet (token ids or audio embeddings). A step moves the next
inputs of some streams into the cache. Whenever a stream that was asked has an empty queue after the step, one token of
the answer comes out and becomes its next input. Prefill and decode are therefore the same verb with different counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from model.seam.streams import Likeliest


@dataclass(frozen=True, slots=True)
class StepSizes:
    """What one step does at most.

    Attributes:
        max_rows: streams that run at once, and therefore rows of a step.
        prefill_positions: prompt positions over all streams. Less answers running streams sooner, more starts new ones
            sooner. At least ``max_rows``, so that every stream can advance in every step.
        encode_frames: audio frames over all streams, padding of the batch included.
    """

    max_rows: int = 32
    prefill_positions: int = 2048
    encode_frames: int = 150

    def __post_init__(self) -> None:
        if self.max_rows < 1 or self.encode_frames < 1:
            raise ValueError("max_rows and encode_frames must be at least 1")
        if self.prefill_positions < self.max_rows:
            raise ValueError(
                f"prefill_positions ({self.prefill_positions}) must not be less than max_rows ({self.max_rows}): "
                "every request advances in every step"
            )

    def within(self, largest: StepSizes | None) -> StepSizes:
        """These sizes, none larger than those; None sets no bound."""
        if largest is None:
            return self
        return StepSizes(
            min(self.max_rows, largest.max_rows),
            min(self.prefill_positions, largest.prefill_positions),
            min(self.encode_frames, largest.encode_frames),
        )


DEFAULT_STEPS = StepSizes()


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
    ``guessed``: tokens that rode along and were verified, right or wrong. ``likeliest``: of each token's place, where
    the question asks for them.
    """

    stream: int
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    guessed: int = 0
    likeliest: tuple[Likeliest, ...] = ()


@dataclass(frozen=True, slots=True)
class StepResult:
    """What came out of a step. Streams that were released or cropped since it was launched have no part in it."""

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
