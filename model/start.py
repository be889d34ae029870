"""From a checkpoint's name to a runner that is set up for its device: weights, attention, memory, recordings.

What cannot run is told before a weight is fetched.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import torch

from model.decoder.attention import Place, choose_backend
from model.decoder.dimensions import bytes_per_position
from model.device.capture import CudaCapture
from model.loading.checkpoint import Checkpoint, open_checkpoint
from model.loading.room import device_bytes, memory_explained
from model.memory.economy import ECONOMIES
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan
from model.memory.planner import GPU_PAGE, Planner, free_bytes
from model.runner.runner import Runner, place_of
from model.seam.runner import AttentionName, WeightsName
from model.seam.steps import DEFAULT_STEPS, StepSizes

logger = logging.getLogger(__name__)

_CPU_POSITIONS = 262_144


@dataclass(frozen=True, slots=True)
class Room:
    """What a device has to have room for.

    ``steps``: the largest step. ``least``: positions of KV cache without which it is of no use. ``wanted``: positions
    for which speed is given up where memory is short.
    """

    steps: StepSizes = DEFAULT_STEPS
    least: int = 1
    wanted: int = 1


DEFAULT_ROOM = Room()


def load_runner(
    source: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    weights: WeightsName = "auto",
    revision: str | None = None,
    page_size: int = 0,
    kv_positions: int | None = None,
    room: Room = DEFAULT_ROOM,
    attention: AttentionName = "auto",
    deterministic: bool = False,
) -> Runner:
    """Load a checkpoint and give it a KV cache of ``kv_positions`` positions (default: what the device has room for).

    ``room``: what there has to be room for, where the size of the KV cache is not given.
    ``page_size``: positions per page; 0 takes 256 on CUDA, where the paged kernels ask for it, and 32 elsewhere.
    ``attention``: the backend; one that cannot run here is an error and never replaced by another.
    ``deterministic``: see ``Runner``; where the device cannot keep it, StartError.
    Raises StartError: CheckpointError, AttentionError, DeviceMemoryError.
    """
    opened = open_checkpoint(source, device=device, dtype=dtype, weights=weights, revision=revision)
    size = _page_size(opened.device, page_size)
    # What cannot run is told before a weight is fetched.
    place = Place(opened.device, opened.dtype, opened.head_dim, size)
    choose_backend(attention, place, deterministic=deterministic)
    if kv_positions is None and (free := free_bytes(opened.device)) is not None:
        _planner(opened.device, opened.dtype, opened.footprint, free, size, room).plan(opened.weights)
    checkpoint = opened.load()
    with memory_explained(opened.weight_bytes, opened.device):
        return make_runner(
            checkpoint,
            page_size=size,
            kv_positions=kv_positions,
            room=room,
            attention=attention,
            deterministic=deterministic,
        )


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
    plan = _plan(checkpoint, size, room, graphs=recorded) if kv_positions is None else None
    positions = kv_positions or _host_positions(checkpoint)
    economy = ECONOMIES[0] if plan is None else plan.economy
    return Runner(
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
    )


def _host_positions(checkpoint: Checkpoint) -> int:
    """Positions of KV cache in the host's memory: plenty for a small model, a quarter of it for a large one.

    They take memory only as they are written. The weights are read from their files, which want to stay in it.
    """
    memory = device_bytes(checkpoint.device)
    if memory is None:
        return _CPU_POSITIONS
    return min(_CPU_POSITIONS, memory // 4 // bytes_per_position(checkpoint.model))


def _planner(
    device: torch.device,
    dtype: torch.dtype,
    footprint: Footprint,
    available: int,
    page_size: int,
    room: Room,
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
    )


def _plan(checkpoint: Checkpoint, page_size: int, room: Room, *, graphs: bool) -> MemoryPlan | None:
    """How the device's memory is shared out, None where it has none of its own. Raises NotEnoughMemoryError."""
    if (free := free_bytes(checkpoint.device)) is None:
        return None
    footprint = Footprint.of(checkpoint.model)
    available = free + footprint.weight_bytes(checkpoint.weights, checkpoint.dtype.itemsize)
    planner = _planner(checkpoint.device, checkpoint.dtype, footprint, available, page_size, room, graphs=graphs)
    plan = planner.plan(checkpoint.weights)
    logger.info("memory, %s", plan)
    return plan


def _page_size(device: torch.device, wanted: int) -> int:
    return wanted or (GPU_PAGE if device.type == "cuda" else 32)
