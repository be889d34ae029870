"""How a GPU's memory is shared out: weights, what the largest step needs, recordings, libraries, and KV pages.

Everything is known before the first kernel runs, so a card on which too little is left for pages is found out while the
server starts, and not by its first request.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, cast

import torch
from transformers import Qwen2Config, VibeVoiceAsrForConditionalGeneration

from model.decoder.decoder import HEAD_PLACES
from model.decoder.graphs import SIZES
from model.drafts.bounds import MOST_GUESSED
from model.encoder.chunk_graphs import FRAMES, ROWS
from model.errors import DeviceMemoryError
from model.memory.footprint import Footprint
from model.memory.host_table import HostTable
from model.seam.runner import WeightFormat
from model.seam.steps import DEFAULT_STEPS, StepSizes

GPU_PAGE = 256
"""Positions per page on a GPU, where the paged kernels ask for it."""
_PAGES_OF_NOBODY = 2
"""See ``kv_cache``."""

_SPARE_SHARE = 32
"""One part in so many of the memory is left to fragmentation: blocks of the allocator that fit nothing asked for."""
_KERNELS = 200 << 20
"""Code of kernels and libraries that CUDA loads when it is first called; an assumption."""
_WORKSPACES = 5
"""Streams on which cuBLAS is called, each with a workspace: default, encoder, decoder, and two for recording."""
_WORKSPACE, _WORKSPACE_HOPPER = 8_519_680, 32 << 20
"""Bytes of one, as PyTorch chooses them (CUBLAS_WORKSPACE_CONFIG); the larger from compute capability 9 on."""


@dataclass(frozen=True, slots=True)
class Economy:
    """How much memory a runner spends on speed.

    ``head_places``: places whose scores are computed at once. ``step_inputs``: of the largest recorded step, 0
    records none: a small GPU computes for longer than it takes to launch.
    ``chunk_rows``: of the largest recorded encoder batch. ``prefill_positions``, ``encode_frames``: bounds of a step.
    ``host_table``: the token embedding lies in the host's memory, and the device fetches the few rows it needs.
    ``drop_convolutions``: of encoder weights that are used rearranged, the checkpoint's own order is given up.
    """

    head_places: int = HEAD_PLACES
    step_inputs: int = SIZES[-1]
    chunk_rows: int = ROWS[-1]
    prefill_positions: int = 1 << 20
    encode_frames: int = 1 << 20
    host_table: bool = False
    drop_convolutions: bool = False

    def within(self, steps: StepSizes) -> StepSizes:
        """Steps of at most these sizes."""
        return StepSizes(
            max_rows=steps.max_rows,
            prefill_positions=max(steps.max_rows, min(steps.prefill_positions, self.prefill_positions)),
            encode_frames=min(steps.encode_frames, self.encode_frames),
        )


_SMALL = Economy(head_places=128, step_inputs=64, chunk_rows=4)
_SMALLER = replace(_SMALL, step_inputs=16, chunk_rows=1, prefill_positions=512, encode_frames=48)
ECONOMIES = (
    Economy(),
    _SMALL,
    _SMALLER,
    replace(_SMALLER, step_inputs=0, prefill_positions=256, host_table=True, drop_convolutions=True),
)
"""From the fastest to the most frugal; the first with which the longest recording fits is taken."""


@dataclass(frozen=True, slots=True)
class MemoryPlan:
    """Bytes of a device's memory by what they are for.

    ``available``: free, or taken by the model's weights. ``decoder``, ``embeddings``, ``encoders``: the weights, the
    head's among the embeddings. ``rearranged``: encoder weights that are kept a second time. ``encoding``: encoding as
    many frames as one step may. ``step``: the largest step of the decoder. ``chunk_graphs``, ``step_graphs``: what is
    recorded. ``libraries``: workspaces and kernels. ``spare``: for fragmentation. ``position``: of KV cache in one
    position. ``economy``: by what these figures hold.
    """

    available: int
    decoder: int
    embeddings: int
    encoders: int
    rearranged: int
    encoding: int
    step: int
    chunk_graphs: int
    step_graphs: int
    libraries: int
    spare: int
    position: int
    economy: Economy

    @property
    def parts(self) -> dict[str, int]:
        """Everything that is not for KV pages."""
        names = [each.name for each in fields(self)[1:-2]]
        return {name.replace("_", " "): getattr(self, name) for name in names}

    @property
    def pages_bytes(self) -> int:
        """What is left for KV pages, 0 where the parts take more than there is."""
        return max(0, self.available - sum(self.parts.values()))

    def pages(self, page_size: int) -> int:
        """Usable pages of so many positions."""
        return max(0, self.pages_bytes // (page_size * self.position) - _PAGES_OF_NOBODY)

    def __str__(self) -> str:
        """One line for the log, in GiB."""
        parts = ", ".join(f"{name} {_gib(size)}" for name, size in self.parts.items() if size)
        return f"{_gib(self.available)} GiB: {parts}, KV pages {_gib(self.pages_bytes)}"

    @classmethod
    def of(
        cls,
        footprint: Footprint,
        available: int,
        *,
        weights: WeightFormat,
        steps: StepSizes,
        economy: Economy = ECONOMIES[0],
        number_bytes: int = 2,
        graphs: bool = True,
        capability: int = 8,
    ) -> MemoryPlan:
        """The plan for a model on a device with ``available`` bytes.

        ``number_bytes``: of one number that is not quantised. ``graphs``: whether small steps and chunks are recorded.
        ``capability``: major number of the compute capability.
        """
        steps = economy.within(steps)
        inputs = steps.prefill_positions + steps.max_rows + MOST_GUESSED
        table = 0 if economy.host_table and footprint.head else footprint.table  # the head may need it on the device
        workspace = _WORKSPACE_HOPPER if capability >= 9 else _WORKSPACE
        return cls(
            available=available,
            decoder=footprint.linear_bytes(weights, number_bytes) + footprint.vectors * number_bytes,
            embeddings=(table + footprint.head) * number_bytes,
            encoders=footprint.encoders * number_bytes,
            rearranged=0 if economy.drop_convolutions else footprint.convolutions * number_bytes,
            encoding=footprint.encoding_bytes(steps.encode_frames, number_bytes),
            step=_step_bytes(footprint, inputs, weights, number_bytes, economy),
            chunk_graphs=_chunk_graph_bytes(footprint, number_bytes, economy) if graphs else 0,
            step_graphs=_step_bytes(footprint, economy.step_inputs, weights, number_bytes, economy)
            if graphs and economy.step_inputs
            else 0,
            libraries=_KERNELS + _WORKSPACES * workspace,
            spare=available // _SPARE_SHARE,
            position=footprint.position * number_bytes,
            economy=economy,
        )


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.2f}"


def _step_bytes(footprint: Footprint, inputs: int, weights: WeightFormat, number_bytes: int, economy: Economy) -> int:
    """Layers and head come one after the other; the hidden states that go in and come out are alive beside both."""
    layers = footprint.layer_bytes(inputs, weights, number_bytes)
    head = footprint.head_bytes(min(inputs, economy.head_places))
    return max(layers, head) + 2 * inputs * footprint.hidden * number_bytes


def _chunk_graph_bytes(footprint: Footprint, number_bytes: int, economy: Economy) -> int:
    """All recordings work in the memory of the largest; each has its own streams' histories, before and after."""
    rows = 2 * economy.chunk_rows * len(FRAMES)  # 16, 8, 4, 2, 1 rows are 31 in all, for every number of frames
    histories = 2 * rows * footprint.history * number_bytes
    return footprint.encoding_bytes(economy.chunk_rows * FRAMES[-1], number_bytes) + histories


class NotEnoughMemoryError(DeviceMemoryError):
    """Too little is left for KV pages. The message is meant for the operator's eyes.

    Attributes:
        plan: the most frugal one.
        positions: of KV cache that it leaves.
        with_weights: positions that it would be with weights of other formats.
    """

    def __init__(
        self, plan: MemoryPlan, positions: int, with_weights: dict[WeightFormat, int], message: str = ""
    ) -> None:
        super().__init__(message or f"The device has room for {positions} positions of KV cache; {plan}.")
        self.plan, self.positions, self.with_weights = plan, positions, with_weights


@dataclass(frozen=True, slots=True)
class Planner:
    """Finds the plan for a model on a device.

    ``number_bytes``: of one number that is not quantised. ``graphs``: whether small steps and chunks are recorded.
    ``capability``: major number of the compute capability. ``least``: positions of KV cache without which the device is
    of no use. ``wanted``: positions for which speed is given up. ``economies``: those to choose from.
    """

    footprint: Footprint
    available: int
    steps: StepSizes = DEFAULT_STEPS
    number_bytes: int = 2
    graphs: bool = True
    capability: int = 8
    page_size: int = GPU_PAGE
    least: int = 1
    wanted: int = 1
    economies: tuple[Economy, ...] = ECONOMIES

    @classmethod
    def on(cls, device: torch.device, footprint: Footprint, available: int, **options: Any) -> Planner:
        """A planner for that device; ``options``: the other fields."""
        if device.type != "cuda":  # one memory for host and device
            return cls(footprint, available, economies=tuple(e for e in ECONOMIES if not e.host_table), **options)
        return cls(footprint, available, capability=torch.cuda.get_device_capability(device)[0], **options)

    def plan(self, weights: WeightFormat) -> MemoryPlan:
        """By the first economy that leaves what is wanted, or else the most frugal. Raises NotEnoughMemoryError."""
        plan = self._best(weights)
        if (positions := self._positions(plan)) < max(1, self.least):
            others: tuple[WeightFormat, ...] = ("int8", "fp8", "nf4")
            with_weights = {each: self._positions(self._best(each)) for each in others if each != weights}
            raise NotEnoughMemoryError(plan, positions, with_weights)
        return plan

    def _positions(self, plan: MemoryPlan) -> int:
        return plan.pages(self.page_size) * self.page_size

    def _best(self, weights: WeightFormat) -> MemoryPlan:
        plans = [self._with(economy, weights) for economy in self.economies]
        return next((plan for plan in plans if self._positions(plan) >= self.wanted), plans[-1])

    def _with(self, economy: Economy, weights: WeightFormat) -> MemoryPlan:
        return MemoryPlan.of(
            self.footprint,
            self.available,
            weights=weights,
            steps=self.steps,
            economy=economy,
            number_bytes=self.number_bytes,
            graphs=self.graphs,
            capability=self.capability,
        )


def free_bytes(device: torch.device) -> int | None:
    """Of a GPU; None for a CPU, whose memory is not shared out."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    if device.type == "mps":
        return torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory()
    return None


def economize(model: VibeVoiceAsrForConditionalGeneration, economy: Economy) -> None:
    """Give up what the streaming encoder and the decoder can do without. Transformers' own model may not run any more.

    The streaming encoder has been made: it has its own copy of the encoders' convolutions.
    """
    if economy.drop_convolutions:
        for encoder in (model.model.acoustic_tokenizer_encoder, model.model.semantic_tokenizer_encoder):
            for module in encoder.modules():
                if isinstance(module, torch.nn.Conv1d):
                    module.weight.data = module.weight.new_empty(0)
    if economy.host_table and not cast(Qwen2Config, model.config.text_config).tie_word_embeddings:
        table = cast(torch.nn.Embedding, model.get_input_embeddings()).weight
        model.set_input_embeddings(HostTable(table, table.device))
