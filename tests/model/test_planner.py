"""The plan's terms one by one, over a model whose numbers are round; and which plan a device gets."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import torch

from model.drafts.bounds import MOST_GUESSED
from model.encoder.chunk_graphs import FRAMES, ROWS
from model.encoder.streaming import StreamingEncoder
from model.loading.checkpoint import Checkpoint
from model.memory.economy import ECONOMIES, Economy, economize
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan, NotEnoughMemoryError
from model.memory.planner import GPU_PAGE, Planner, free_bytes
from model.seam.runner import WeightFormat
from model.seam.steps import StepSizes
from tests.model.replaying import Replaying
from tests.model.test_footprint import configuration, model_of
from tests.model.test_memory import FULL, GIB

MIB = 1 << 20
ROUND = Footprint(
    hidden=10,
    inner=100,
    vocabulary=1000,
    linears=1_000_000,
    rows=2000,
    largest=50_000,
    table=20_000,
    head=30_000,
    vectors=700,
    encoders=400_000,
    convolutions=60_000,
    hop=100,
    frame=900,
    history=500,
    position=64,
    layers=1,
    queries=10,
    keys=10,
)
STEPS = StepSizes(max_rows=8, prefill_positions=1000, encode_frames=50)
INPUTS = 1000 + 8 + MOST_GUESSED
"""Of the largest step: a prompt's, one of each row, and everything that is guessed."""


def plan(
    economy: Economy = ECONOMIES[0],
    *,
    footprint: Footprint = ROUND,
    weights: WeightFormat = "bf16",
    number_bytes: int = 2,
    graphs: bool = True,
    capability: int = 8,
    frames_wait: bool = False,
) -> MemoryPlan:
    return MemoryPlan.of(
        footprint,
        GIB,
        weights=weights,
        steps=STEPS,
        economy=economy,
        number_bytes=number_bytes,
        graphs=graphs,
        capability=capability,
        frames_wait=frames_wait,
    )


# --------------------------------------------------------------------------------------------------------- weights


@pytest.mark.parametrize("number_bytes", [2, 4])
def test_weights_lie_there_in_their_own_numbers(number_bytes: int) -> None:
    made = plan(number_bytes=number_bytes)
    assert made.decoder == (1_000_000 + 700) * number_bytes
    assert made.embeddings == (20_000 + 30_000) * number_bytes
    assert made.encoders == 400_000 * number_bytes
    assert made.rearranged == 60_000 * number_bytes
    assert made.position == 64 * number_bytes
    assert plan(number_bytes=number_bytes, frames_wait=True).position == (64 + 10) * number_bytes


def test_norms_and_biases_of_a_quantised_decoder_are_not_quantised() -> None:
    assert plan(weights="int8").decoder == 1_000_000 + 2000 * 4 + 700 * 2


def test_what_an_economy_gives_up_takes_nothing() -> None:
    assert plan(Economy(drop_convolutions=True)).rearranged == 0
    assert plan(Economy(host_table=True)).embeddings == 30_000 * 2, "the head's weights stay"


# ------------------------------------------------------------------------------------------------------------ steps


def test_a_step_has_room_for_a_layer_and_for_what_goes_in_and_comes_out() -> None:
    assert plan(Economy(head_places=1)).step == INPUTS * (3 * 100 + 3 * 10) * 2 + 2 * INPUTS * 10 * 2


@pytest.mark.parametrize(("weights", "whole"), [("bf16", 0), ("fp8", 0), ("int8", 50_000), ("nf4", 50_000)])
def test_weights_that_are_made_whole_for_a_moment_need_room_beside_a_layer(weights: WeightFormat, whole: int) -> None:
    economy = Economy(head_places=1)
    assert plan(economy, weights=weights).step == plan(economy).step + whole * 2


@pytest.mark.parametrize(("most", "places"), [(512, 512), (1500, 1500), (10_000, INPUTS)])
def test_or_for_the_scores_where_they_take_more(most: int, places: int) -> None:
    """Ten bytes for each, and no more places than there are inputs."""
    assert plan(Economy(head_places=most)).step == 10 * places * 1000 + 2 * INPUTS * 10 * 2


def test_a_step_is_within_its_economy() -> None:
    economy = Economy(prefill_positions=300, encode_frames=20, head_places=1)
    assert plan(economy).step == (300 + 8 + MOST_GUESSED) * (330 + 20) * 2
    assert plan(economy).encoding == ROUND.encoding_bytes(20, 2)
    assert plan().encoding == ROUND.encoding_bytes(50, 2)


def test_every_row_has_its_position_in_the_smallest_step() -> None:
    assert Economy(prefill_positions=300).within(StepSizes(400, 1000, 50)) == StepSizes(400, 400, 50)
    assert Economy(prefill_positions=300, encode_frames=20).within(STEPS) == StepSizes(8, 300, 20)
    assert Economy().within(STEPS) == STEPS


# -------------------------------------------------------------------------------------------------------- recordings


def test_a_recorded_step_has_room_of_its_own() -> None:
    made = plan(Economy(step_inputs=40, head_places=64))
    assert made.step_graphs == 10 * 40 * 1000 + 2 * 40 * 10 * 2


def test_what_is_not_recorded_takes_nothing() -> None:
    none = plan(graphs=False)
    assert (none.step_graphs, none.chunk_graphs) == (0, 0)
    chunks = plan(Economy(step_inputs=0), weights="int8")
    assert chunks.step_graphs == 0
    assert chunks.chunk_graphs > 0


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_recorded_chunks_take_their_histories_and_the_largest_batch(checkpoint: Checkpoint, rows: int) -> None:
    """Held against the tensors of all recordings: histories before and after; the rest is encoding.

    The plan has a row more than 1, 2, 4, ... in all, and convolutions apart that the encoder makes one of.
    """
    footprint = Footprint.of(checkpoint.model)
    encoder = StreamingEncoder(checkpoint.model, capture=Replaying(), recorded_rows=rows)
    assert encoder._graphs is not None
    recordings = encoder._graphs._recordings.values()
    assert len(recordings) == (ROWS.index(rows) + 1) * len(FRAMES)
    histories = sum(tensor.nbytes for each in recordings for tensor in (*each.histories, *each.result[1:]))
    made = plan(Economy(chunk_rows=rows), footprint=footprint, number_bytes=4)
    largest = footprint.encoding_bytes(rows * FRAMES[-1], 4)
    history = encoder._acoustic.history_size + encoder._semantic.history_size
    more = 2 * rows / (2 * rows - 1) * footprint.history / history
    assert made.chunk_graphs - largest == pytest.approx(more * histories)


# ------------------------------------------------------------------------------------------------------------- rest


@pytest.mark.parametrize(
    ("capability", "workspace"),
    [(7, (4096 * 2 + 16 * 8) << 10), (8, (4096 * 2 + 16 * 8) << 10), (9, (4096 * 8) << 10), (12, (4096 * 8) << 10)],
)
def test_libraries_have_their_code_and_a_workspace_for_each_of_five_streams(capability: int, workspace: int) -> None:
    """PyTorch's own defaults of CUBLAS_WORKSPACE_CONFIG: ``:4096:2:16:8``, and ``:4096:8`` from Hopper on."""
    assert plan(capability=capability).libraries == 200 * MIB + 5 * workspace


def test_a_thirtysecond_part_is_left_to_fragmentation() -> None:
    assert plan().spare == 32 * MIB


def test_a_plan_is_told_with_all_its_parts_in_gib() -> None:
    made = plan()
    assert list(made.parts.values()) == [getattr(made, each.name) for each in fields(made)[1:-2]]
    assert {"decoder", "chunk graphs", "step graphs", "spare"} < set(made.parts)
    assert not {"available", "position", "economy"} & set(made.parts)
    told = str(replace(made, available=3 * GIB // 2, decoder=GIB // 2, rearranged=0))
    assert told.startswith("1.50 GiB: decoder 0.50, ")
    assert "rearranged" not in told
    assert "libraries 0.23, spare 0.03, KV pages 0.72" in told


# ---------------------------------------------------------------------------------------------------------- planner


def positions(planner: Planner, weights: WeightFormat = "int8") -> int:
    return planner.plan(weights).pages(planner.page_size) * planner.page_size


def test_a_planner_passes_on_what_it_knows_of_the_device() -> None:
    planner = Planner(ROUND, GIB, steps=STEPS, number_bytes=4, graphs=False, capability=9)
    assert planner.plan("nf4") == plan(weights="nf4", number_bytes=4, graphs=False, capability=9)
    waiting = replace(planner, frames_wait=True).plan("nf4")
    assert waiting == plan(weights="nf4", number_bytes=4, graphs=False, capability=9, frames_wait=True)
    assert waiting.pages(32) * (64 + 10) <= planner.plan("nf4").pages_bytes // 4 // 32


@pytest.mark.parametrize("page_size", [32, GPU_PAGE])
def test_exactly_what_is_wanted_is_enough(page_size: int) -> None:
    planner = Planner(FULL, 16 * GIB, page_size=page_size)
    most = positions(planner)
    assert replace(planner, wanted=most).plan("int8").economy == ECONOMIES[0]
    assert replace(planner, wanted=most + 1).plan("int8").economy == ECONOMIES[1]


@pytest.mark.parametrize("page_size", [32, GPU_PAGE])
def test_exactly_what_is_needed_is_enough(page_size: int) -> None:
    planner = Planner(FULL, 16 * GIB, page_size=page_size, wanted=10**9)
    most = positions(planner)
    assert positions(replace(planner, least=most)) == most
    with pytest.raises(NotEnoughMemoryError, match=f"room for {most} positions of KV cache; 16.00 GiB: ") as raised:
        replace(planner, least=most + 1).plan("int8")
    assert raised.value.positions == most
    assert raised.value.plan == planner.plan("int8")


def test_one_position_is_the_least_that_anything_can_be_done_with() -> None:
    with pytest.raises(NotEnoughMemoryError, match="room for 0 positions"):
        Planner(FULL, 8 * GIB, least=0, wanted=0).plan("bf16")


@pytest.mark.parametrize(
    ("weights", "others"),
    [("bf16", {"int8", "fp8", "nf4"}), ("int8", {"fp8", "nf4"}), ("nf4", {"int8", "fp8"})],
)
def test_only_other_formats_are_offered_with_what_they_would_leave(weights: WeightFormat, others: set[str]) -> None:
    planner = Planner(FULL, 24 * GIB, wanted=10**9)
    with pytest.raises(NotEnoughMemoryError) as raised:
        replace(planner, least=10**9).plan(weights)
    assert raised.value.with_weights == {each: positions(planner, each) for each in raised.value.with_weights}
    assert set(raised.value.with_weights) == others


def test_a_device_that_shares_the_hosts_memory_keeps_its_embedding() -> None:
    planner = Planner.on(torch.device("mps"), FULL, 16 * GIB, wanted=10**9, page_size=32)
    assert planner.economies == ECONOMIES[:-1]
    assert planner.plan("int8").economy == ECONOMIES[-2]
    assert (planner.capability, planner.wanted, planner.page_size) == (8, 10**9, 32)


def test_a_gpu_is_asked_for_its_capability_and_its_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda", 1)
    monkeypatch.setattr(torch.cuda, "get_device_capability", {device: (9, 0)}.__getitem__)
    monkeypatch.setattr(torch.cuda, "mem_get_info", {device: (5 * GIB, 16 * GIB)}.__getitem__)
    planner = Planner.on(device, FULL, 16 * GIB, wanted=7)
    assert planner == Planner(FULL, 16 * GIB, capability=9, wanted=7)
    assert planner.economies == ECONOMIES
    assert free_bytes(device) == 5 * GIB


def test_unified_memory_has_what_is_recommended_less_what_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.mps, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 12 * GIB)
    monkeypatch.setattr(torch.mps, "driver_allocated_memory", lambda: 5 * GIB)
    assert free_bytes(torch.device("mps")) == 7 * GIB
    assert free_bytes(torch.device("cpu")) is None


def test_what_loading_has_left_with_the_allocator_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [GIB]
    monkeypatch.setattr(torch.cuda, "empty_cache", kept.clear)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (5 * GIB - sum(kept), 16 * GIB))
    assert free_bytes(torch.device("cuda", 0)) == 5 * GIB


# ---------------------------------------------------------------------------------------------------------- economy


def test_the_fastest_economy_gives_up_nothing() -> None:
    model = model_of(configuration())
    before = [(name, each.data_ptr(), each.shape) for name, each in model.named_parameters()]
    economize(model, ECONOMIES[0])
    assert [(name, each.data_ptr(), each.shape) for name, each in model.named_parameters()] == before


def test_the_most_frugal_one_keeps_what_the_plan_counts_on_the_device() -> None:
    """Convolutions apart, which the streaming encoder has by then."""
    model = model_of(configuration())
    made = plan(ECONOMIES[-1], footprint=Footprint.of(model), number_bytes=4)
    economize(model, ECONOMIES[-1])
    convolutions = Footprint.of_config(configuration()).convolutions * 4
    left = sum(each.nbytes for each in model.parameters())
    assert left + convolutions == made.decoder + made.embeddings + made.encoders + made.rearranged


def test_an_embedding_that_the_head_shares_is_not_moved() -> None:
    model = model_of(configuration(tied=True))
    embedding = model.get_input_embeddings()
    economize(model, Economy(host_table=True))
    assert model.get_input_embeddings() is embedding
