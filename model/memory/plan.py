"""How a GPU's memory is shared out: weights, what the largest step needs, recordings, libraries, and KV pages."""

from __future__ import annotations

from dataclasses import dataclass, fields

from model.drafts.bounds import MOST_GUESSED
from model.encoder.chunk_graphs import FRAMES
from model.errors import DeviceMemoryError
from model.memory.economy import ECONOMIES, Economy
from model.memory.footprint import Footprint
from model.seam.runner import WeightFormat
from model.seam.steps import StepSizes

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
class MemoryPlan:
    """Bytes of a device's memory by what they are for.

    ``available``: free, or taken by the model's weights. ``decoder``, ``embeddings``, ``encoders``: the weights, the
    head's among the embeddings. ``rearranged``: encoder weights that are kept a second time. ``encoding``: encoding as
    many frames as one step may. ``adapters``: beside the decoder's maps, and what a step makes for them. ``step``: the
    largest step of the decoder. ``chunk_graphs``, ``step_graphs``: what is recorded. ``libraries``: workspaces and
    kernels. ``spare``: for fragmentation. ``position``: of KV cache in one position, and of the encoded frame that may
    wait for it. ``economy``: by what these figures hold.
    """

    available: int
    decoder: int
    embeddings: int
    encoders: int
    adapters: int
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
        ranks: int = 0,
        frames_wait: bool = False,
    ) -> MemoryPlan:
        """The plan for a model on a device with ``available`` bytes.

        ``number_bytes``: of one number that is not quantised. ``graphs``: whether small steps and chunks are recorded.
        ``capability``: major number of the compute capability. ``ranks``: of all adapters together.
        ``frames_wait``: whether encoded frames stay for long before they are inputs. They are encoded for streams alone
        that have positions for all of theirs, so there is at most one to a position.
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
            adapters=(footprint.adapter_numbers(ranks) + 2 * inputs * ranks) * number_bytes,
            rearranged=0 if economy.drop_convolutions else footprint.convolutions * number_bytes,
            encoding=footprint.encoding_bytes(steps.encode_frames, number_bytes),
            step=_step_bytes(footprint, inputs, weights, number_bytes, economy),
            chunk_graphs=_chunk_graph_bytes(footprint, number_bytes, economy) if graphs else 0,
            step_graphs=_step_bytes(footprint, economy.step_inputs, weights, number_bytes, economy)
            if graphs and economy.step_inputs
            else 0,
            libraries=_KERNELS + _WORKSPACES * workspace,
            spare=available // _SPARE_SHARE,
            position=(footprint.position + (footprint.hidden if frames_wait else 0)) * number_bytes,
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
