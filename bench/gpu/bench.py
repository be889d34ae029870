"""What the sections of ``bench.gpu`` share: how much is measured, with what, and what was found."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

import torch

from bench.gpu.floors import DecoderCosts, EncoderCosts, Rates, measure_rates
from bench.support.report import Goal
from model.loading.checkpoint import Checkpoint
from model.memory.planner import free_bytes
from model.runner.runner import Runner
from model.seam.runner import AttentionName, RunnerInfo
from model.seam.steps import DEFAULT_STEPS, StepSizes
from model.start import Room, make_runner

STEP_CONTEXT = 1000
"""Positions that a minute of speech takes with half of its answer: the context of the goals."""
_COPY_SHARE = 4
"""The copy that tells the bandwidth takes at most one part in so many of the free memory, twice."""
_ROOMY = 40_000_000_000
LIVE_P95 = 1.0
"""Seconds within which live sessions want 95 % of their updates."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. Shapes of the encoders are rows and frames of one call; contexts are positions.

    ``clips``: number of clips by concurrency. ``long_seconds``: length of the long file, and ``beside`` the files that
    decode while it comes in. ``live_streams``: numbers of sessions, each of which runs for ``live_seconds``.
    """

    copy_bytes: int
    matmul_side: int
    encoder_shapes: tuple[tuple[int, int], ...]
    step_batches: dict[int, tuple[int, ...]]
    prefills: tuple[int, ...]
    clip_seconds: tuple[float, float]
    clips: dict[int, int]
    static_batches: tuple[int, ...]
    long_seconds: int
    beside: int
    live_streams: tuple[int, ...]
    live_seconds: float
    compared_prompts: int
    random_steps: int


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
    ``engine``, ``static``: audio seconds per second by concurrency and by batch. ``first_segment``: of the long file,
    times the floor. ``live``: p95 seconds of an update by number of sessions. ``difference``: the largest of any
    attention backend, a NaN counted as infinite. ``agreement``: share of tokens. ``random_steps``: without a fault.
    ``held``: what the runner says of itself that has the KV cache of the server.
    """

    checkpoint: Checkpoint
    sizes: Sizes
    rates: Rates | None = None
    encoders: list[float] = field(default_factory=list)
    steps: dict[int, float] = field(default_factory=dict)
    engine: dict[int, float] = field(default_factory=dict)
    static: dict[int, float] = field(default_factory=dict)
    first_segment: float | None = None
    live: dict[int, float] = field(default_factory=dict)
    difference: float | None = None
    agreement: float | None = None
    random_steps: int | None = None
    held: RunnerInfo | None = None

    @property
    def device(self) -> torch.device:
        return self.checkpoint.device

    @property
    def costs(self) -> DecoderCosts:
        return DecoderCosts.of(self.checkpoint.model)

    @property
    def encoder_costs(self) -> EncoderCosts:
        return EncoderCosts.of(self.checkpoint)

    @property
    def known_rates(self) -> Rates:
        """Those of the section ``rates``, measured now where that did not run: before a runner takes the memory."""
        if self.rates is None:
            sizes, free = self.sizes, free_bytes(self.device)
            copied = sizes.copy_bytes if free is None else min(sizes.copy_bytes, free // _COPY_SHARE)
            self.rates = measure_rates(self.device, self.checkpoint.dtype, copy_bytes=copied, side=sizes.matmul_side)
        return self.rates

    @property
    def roomy(self) -> bool:
        """Whether steps of several times the usual size leave most of the memory to the KV cache."""
        return self.device.type != "cuda" or torch.cuda.mem_get_info(self.device)[1] >= _ROOMY

    def runner(
        self,
        *,
        positions: int | None = None,
        attention: AttentionName = "auto",
        graphs: bool = True,
        steps: StepSizes = DEFAULT_STEPS,
    ) -> Runner:
        """A runner as the server makes it. The one before must not be referred to any more.

        ``positions``: of its KV cache, by default what the server takes beside ``steps``, the largest that are to come.
        ``graphs``: with recorded steps and chunks, where the device can have them. Raises AttentionError.
        """
        gc.collect()  # recorded graphs refer to what they were recorded from
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        room = Room(steps)
        runner = make_runner(self.checkpoint, kv_positions=positions, room=room, attention=attention, graphs=graphs)
        if positions is None and steps == DEFAULT_STEPS:
            self.held = runner.info
        return runner

    def goals(self) -> list[Goal]:
        """Those of which something was measured."""
        wanted = [
            Goal(f"step-over-floor-{rows}-rows", self.steps[rows], 1.2, at_least=False)
            for rows in (1, 32, 128)
            if rows in self.steps
        ]
        if self.encoders:
            wanted.append(Goal("encoders-ms-per-audio-second", min(self.encoders), 0.25, at_least=False))
        if self.engine:
            most = max(self.engine.values())
            if self.static:
                batch = max(self.static)
                wanted.append(Goal(f"engine-over-generate-batch-{batch}", most / self.static[batch], 10.0))
            wanted.append(Goal("files-times-real-time", most, 1000.0))
        if self.first_segment is not None:
            wanted.append(Goal("first-segment-over-floor", self.first_segment, 2.0, at_least=False))
        if self.live:
            kept_up = [sessions for sessions, p95 in self.live.items() if p95 < LIVE_P95]
            wanted.append(Goal("live-streams", max(kept_up, default=0), 128))
        return wanted + self._correctness()

    def _correctness(self) -> list[Goal]:
        wanted = []
        if self.difference is not None:
            wanted.append(Goal("attention-difference", self.difference, 0.05, at_least=False))
        if self.agreement is not None:
            wanted.append(Goal("tokens-as-with-sdpa", self.agreement, 0.8))
        if self.random_steps is not None:
            wanted.append(Goal("random-steps-without-a-leak", self.random_steps, self.sizes.random_steps))
        return wanted


def unless_full(section: Section, what: str, measure: Callable[[], float]) -> float | None:
    """What is measured, None when the device has not enough memory for it."""
    try:
        return measure()
    except torch.OutOfMemoryError:
        section.notes.append(f"{what}: out of memory")
        torch.cuda.empty_cache()
        return None
