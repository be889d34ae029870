"""What the sections of ``bench.gpu`` share: how much is measured, with what, and what was found."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import torch

from bench.floors import DecoderCosts, Rates, measure_rates
from model.checkpoint import Checkpoint
from model.runner import Runner, make_runner
from model.steps import AttentionName

STEP_CONTEXT = 1000
"""Positions that a minute of speech takes with half of its answer: the context of the goals."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. Shapes of the encoders are rows and frames of one call; contexts are positions."""

    copy_bytes: int
    matmul_side: int
    encoder_shapes: tuple[tuple[int, int], ...]
    step_batches: dict[int, tuple[int, ...]]
    prefills: tuple[int, ...]
    clip_seconds: tuple[float, float]
    clips: dict[int, int]
    static_batches: tuple[int, ...]


@dataclass(slots=True)
class Section:
    """One table in the making; what was measured before a failure stays. ``deadline``: of ``monotonic()``."""

    name: str
    header: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_bytes: int = 0
    deadline: float = float("inf")

    def time_for(self, seconds: float) -> bool:
        """Whether work of about that length still fits."""
        return monotonic() + seconds < self.deadline


@dataclass(slots=True)
class Bench:
    """The model under measurement and the figures that goals are made of.

    ``encoders``: best milliseconds per audio second. ``steps``: times the floor by batch, at ``STEP_CONTEXT``.
    ``engine``, ``static``: audio seconds per second by concurrency and by batch.
    """

    checkpoint: Checkpoint
    sizes: Sizes
    rates: Rates | None = None
    encoders: list[float] = field(default_factory=list)
    steps: dict[int, float] = field(default_factory=dict)
    engine: dict[int, float] = field(default_factory=dict)
    static: dict[int, float] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return self.checkpoint.device

    @property
    def costs(self) -> DecoderCosts:
        return DecoderCosts.of(self.checkpoint.model)

    @property
    def known_rates(self) -> Rates:
        """Those of the section ``rates``, measured now where that did not run."""
        if self.rates is None:
            sizes = self.sizes
            self.rates = measure_rates(
                self.device, self.checkpoint.dtype, copy_bytes=sizes.copy_bytes, side=sizes.matmul_side
            )
        return self.rates

    def runner(self, *, positions: int | None = None, attention: AttentionName = "auto", graphs: bool = True) -> Runner:
        """A runner as the server makes it. The one before must not be referred to any more.

        ``positions``: of its KV cache, by default what the server takes. ``graphs``: with recorded steps and chunks,
        where the device can have them. Raises AttentionError.
        """
        gc.collect()  # recorded graphs refer to what they were recorded from
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return make_runner(self.checkpoint, kv_positions=positions, attention=attention, graphs=graphs)


def unless_full(section: Section, what: str, measure: Callable[[], float]) -> float | None:
    """What is measured, None when the device has not enough memory for it."""
    try:
        return measure()
    except torch.OutOfMemoryError:
        section.notes.append(f"{what}: out of memory")
        torch.cuda.empty_cache()
        return None
