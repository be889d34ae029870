"""From a checkpoint's name to a runner that is set up for its device: weights, attention, memory, recordings.

What cannot run is told before a weight is fetched.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from model.decoder.adapters import Adapter
from model.decoder.attention import Place, choose_backend
from model.decoder.dimensions import bytes_per_position
from model.device.capture import CudaCapture
from model.drafts.bounds import DRAFT_POSITIONS
from model.family import Family
from model.loading.adapters import OpenedAdapter, open_adapters
from model.loading.checkpoint import Checkpoint, OpenedCheckpoint, open_checkpoint
from model.loading.room import device_bytes, memory_explained
from model.memory.economy import ECONOMIES
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan, NotEnoughMemoryError
from model.memory.planner import GPU_PAGE, Planner, free_bytes
from model.runner.runner import Runner, place_of
from model.runner.turn_runner import TurnRunner
from model.seam.adapters import NamedAdapter
from model.seam.runner import AttentionName, RunnerInfo, WeightFormat, WeightsName
from model.seam.steps import DEFAULT_STEPS, StepSizes

logger = logging.getLogger(__name__)

_CPU_POSITIONS = 262_144


@dataclass(frozen=True, slots=True)
class Room:
    """What a device has to have room for.

    ``steps``: the largest step. ``least``: positions of KV cache without which it is of no use. ``wanted``: positions
    for which speed is given up where memory is short. ``explain``: what is told where not even the least is there; None
    leaves the planner's words.
    """

    steps: StepSizes = DEFAULT_STEPS
    least: int = 1
    wanted: int = 1
    explain: Callable[[NotEnoughMemoryError], str] | None = None


RoomOf = Callable[[Family], Room]
"""What there has to be room for, when it is known of which family a checkpoint is, and how long its windows are: that
decides how many positions a second of audio takes. May raise StartError."""
DEFAULT_ROOM = Room()


@dataclass(frozen=True, slots=True)
class Prospect:
    """A runner that is not there yet.

    ``checkpoint``: whose weights were not touched. ``info``: the runner's, but for the tokens that end an answer.
    ``plan``: how the device's memory would be shared out; None where it has none of its own, or nothing is planned.
    """

    checkpoint: OpenedCheckpoint
    info: RunnerInfo
    plan: MemoryPlan | None
    adapters: list[OpenedAdapter] = field(default_factory=list)


def load_runner(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
    page_size: int = 0,
    kv_positions: int | None = None,
    room: RoomOf = lambda _: DEFAULT_ROOM,
    attention: AttentionName = "auto",
    deterministic: bool = False,
    adapters: Sequence[NamedAdapter] = (),
) -> Runner:
    """Load a checkpoint and give it a KV cache of ``kv_positions`` positions (default: what the device has room for).

    ``room``: what there has to be room for; its positions count where the size of the KV cache is not given.
    ``page_size``: positions per page; 0 takes 256 on CUDA, where the paged kernels ask for it, and 32 elsewhere.
    ``attention``: the backend; one that cannot run here is an error and never replaced by another.
    ``deterministic``: see ``Runner``; where the device cannot keep it, StartError. ``adapters``: that streams can be
    decoded with, beside the checkpoint as it is; one that does not fit it is a CheckpointError.
    Raises StartError: CheckpointError, AttentionError, DeviceMemoryError.
    """
    prospect = foresee(
        source,
        device=device,
        dtype=dtype,
        weights=weights,
        revision=revision,
        page_size=page_size,
        kv_positions=kv_positions,
        room=room,
        attention=attention,
        deterministic=deterministic,
        adapters=adapters,
    )
    opened = prospect.checkpoint
    checkpoint = opened.load()
    with memory_explained(opened.weight_bytes, opened.device):
        return make_runner(
            checkpoint,
            page_size=prospect.info.page_size,
            kv_positions=kv_positions,
            room=room(checkpoint.family),
            attention=attention,
            deterministic=deterministic,
            adapters=[adapter.load() for adapter in prospect.adapters],
        )


def foresee(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
    page_size: int = 0,
    kv_positions: int | None = None,
    room: RoomOf = lambda _: DEFAULT_ROOM,
    attention: AttentionName = "auto",
    deterministic: bool = False,
    adapters: Sequence[NamedAdapter] = (),
) -> Prospect:
    """What ``load_runner`` would make, without a weight. Raises what it raises before it fetches any."""
    opened = open_checkpoint(source, device=device, dtype=dtype, weights=weights, revision=revision)
    wanted = room(opened.family)
    size = _page_size(opened.device, page_size)
    place = Place(opened.device, opened.dtype, opened.head_dim, size)
    backend = choose_backend(attention, place, deterministic=deterministic)
    found = open_adapters(adapters, opened.footprint)
    ranks = sum(adapter.rank for adapter in found)
    plan = None
    if kv_positions is None and (free := free_bytes(opened.device)) is not None:
        planner = _planner(opened.device, opened.dtype, opened.footprint, free, size, wanted, ranks, opened.family)
        plan = _shared_out(planner, opened.weights, wanted)
    positions = kv_positions or _host_positions(opened.device, opened.footprint.position * opened.dtype.itemsize)
    info = RunnerInfo(
        checkpoint=opened.name,
        checkpoint_path=str(opened.files.tokenizer_path),
        family=opened.family,
        page_size=size,
        pages=max(1, positions // size) if plan is None else plan.pages(size),
        max_positions=opened.max_positions,
        stop_ids=frozenset(),
        device=str(opened.device),
        dtype=str(opened.dtype).removeprefix("torch."),
        attention=backend.name,
        draft_positions=DRAFT_POSITIONS if opened.family.turns is None else 0,
        largest_step=None if plan is None else plan.economy.within(wanted.steps),
        launches_ahead=opened.device.type == "cuda",
        adapters=tuple(adapter.name for adapter in found),
    )
    return Prospect(opened, info, plan, found)


def make_runner(
    checkpoint: Checkpoint,
    *,
    page_size: int = 0,
    kv_positions: int | None = None,
    room: Room = DEFAULT_ROOM,
    attention: AttentionName = "auto",
    graphs: bool = True,
    drafts: bool = True,
    deterministic: bool = False,
    adapters: Sequence[Adapter] = (),
) -> Runner:
    """A runner of a loaded checkpoint, set up for its device; see ``load_runner``.

    ``graphs``: record small steps and chunks where the device can; without, every kernel is launched by itself.
    ``drafts``: see ``Runner``.
    Raises AttentionError and NotEnoughMemoryError.
    """
    cuda = checkpoint.device.type == "cuda"
    if cuda:
        torch.cuda.set_device(checkpoint.model.lm_head.weight.device)  # Triton launches on the current one
    size = _page_size(checkpoint.device, page_size)
    backend = choose_backend(attention, place_of(checkpoint, size), deterministic=deterministic)
    recorded = cuda and graphs
    ranks = sum(adapter.rank for adapter in adapters)
    plan = _plan(checkpoint, size, room, ranks, graphs=recorded) if kv_positions is None else None
    positions = kv_positions or _host_positions(checkpoint.device, bytes_per_position(checkpoint.model))
    economy = ECONOMIES[0] if plan is None else plan.economy
    kind = Runner if checkpoint.family.turns is None else TurnRunner
    return kind(
        checkpoint,
        pages=max(1, positions // size) if plan is None else plan.pages(size),
        page_size=size,
        drafts=drafts,
        attention=backend,
        record_steps=CudaCapture(urgent=True) if recorded and economy.step_inputs else None,
        record_chunks=CudaCapture() if recorded else None,
        economy=economy,
        largest_step=None if plan is None else plan.economy.within(room.steps),
        deterministic=deterministic,
        adapters=adapters,
    )


def _host_positions(device: torch.device, position_bytes: int) -> int:
    """Positions of KV cache in the host's memory: plenty for a small model, a quarter of it for a large one.

    They take memory only as they are written. The weights are read from their files, which want to stay in it.
    """
    memory = device_bytes(device)
    if memory is None:
        return _CPU_POSITIONS
    return min(_CPU_POSITIONS, memory // 4 // position_bytes)


def _planner(
    device: torch.device,
    dtype: torch.dtype,
    footprint: Footprint,
    available: int,
    page_size: int,
    room: Room,
    ranks: int,
    family: Family,
    *,
    graphs: bool = True,
) -> Planner:
    return Planner.on(
        device,
        footprint,
        available,
        steps=room.steps,
        number_bytes=dtype.itemsize,
        graphs=graphs and device.type == "cuda",
        page_size=page_size,
        least=room.least,
        wanted=room.wanted,
        ranks=ranks,
        frames_wait=family.turns is not None,
    )


def _shared_out(planner: Planner, weights: WeightFormat, room: Room) -> MemoryPlan:
    """The plan. Raises NotEnoughMemoryError, in the words of who wants the room."""
    try:
        return planner.plan(weights)
    except NotEnoughMemoryError as error:
        if room.explain is None:
            raise
        told = room.explain(error)
        raise NotEnoughMemoryError(error.plan, error.positions, error.with_weights, told) from None


def _plan(checkpoint: Checkpoint, page_size: int, room: Room, ranks: int, *, graphs: bool) -> MemoryPlan | None:
    """How the device's memory is shared out, None where it has none of its own. Raises NotEnoughMemoryError."""
    if (free := free_bytes(checkpoint.device)) is None:
        return None
    footprint = Footprint.of(checkpoint.model)
    available = free + footprint.weight_bytes(checkpoint.weights, checkpoint.dtype.itemsize)
    device, dtype, family = checkpoint.device, checkpoint.dtype, checkpoint.family
    planner = _planner(device, dtype, footprint, available, page_size, room, ranks, family, graphs=graphs)
    plan = _shared_out(planner, checkpoint.weights, room)
    logger.info("memory, %s", plan)
    return plan


def _page_size(device: torch.device, wanted: int) -> int:
    return wanted or (GPU_PAGE if device.type == "cuda" else 32)
