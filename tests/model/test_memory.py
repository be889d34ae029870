"""What a GPU's memory is planned for, and that a runner under the tightest plan answers as any other."""

from __future__ import annotations

import pytest
import torch

from model import start
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.memory.economy import ECONOMIES, Economy
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan, NotEnoughMemoryError
from model.memory.planner import Planner
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.runner import WeightFormat
from model.seam.steps import StepSizes
from model.start import Room, make_runner
from tests.model.driver import Driver
from tests.model.test_runner import job

GIB = 1 << 30
FULL = Footprint(
    hidden=3584,
    inner=18_944,
    vocabulary=152_064,
    linears=6_525_288_448,
    rows=1_390_592,
    largest=67_895_296,
    table=544_997_376,
    head=544_997_376,
    vectors=333_312,
    encoders=714_709_376,
    convolutions=83_889_280,
    hop=3200,
    frame=921_600,
    history=319_244,
    position=28_672,
    layers=28,
    queries=3584,
    keys=512,
)
"""The released checkpoint; a test of the benches holds this against the model itself."""


def plan(gib: float, weights: WeightFormat = "bf16", economy: Economy = ECONOMIES[0]) -> MemoryPlan:
    return MemoryPlan.of(FULL, int(gib * GIB), weights=weights, steps=StepSizes(), economy=economy)


def test_every_byte_is_for_something() -> None:
    made = plan(40)
    assert sum(made.parts.values()) + made.pages_bytes == made.available
    assert made.decoder + made.embeddings + made.encoders == 2 * 8_330_325_888  # tables of the rotation apart


def test_nothing_left_is_no_page() -> None:
    assert plan(8).pages_bytes == 0
    assert plan(8).pages(256) == 0


def test_pages_that_belong_to_nobody_are_counted() -> None:
    made = plan(24)
    page = 256 * made.position
    assert (made.pages(256) + 2) * page <= made.pages_bytes < (made.pages(256) + 3) * page


@pytest.mark.parametrize(("weights", "share"), [("int8", 0.5), ("fp8", 0.5), ("nf4", 0.258)])
def test_quantised_weights_are_the_decoders_alone(weights: WeightFormat, share: float) -> None:
    whole, quantised = plan(40), plan(40, weights)
    assert quantised.decoder == pytest.approx(share * whole.decoder, rel=0.01)
    assert (quantised.embeddings, quantised.encoders) == (whole.embeddings, whole.encoders)


def test_each_economy_leaves_more_than_the_one_before() -> None:
    left = [plan(24, "nf4", economy).pages_bytes for economy in ECONOMIES]
    assert left == sorted(set(left))


def test_speed_is_given_up_only_for_what_is_wanted() -> None:
    chosen = [Planner(FULL, 16 * GIB, wanted=wanted).plan("int8").economy for wanted in (1, 70_000, 1_000_000)]
    assert [ECONOMIES.index(economy) for economy in chosen] == [0, 1, 3]


def test_a_table_shared_with_the_head_stays_on_the_device() -> None:
    tied = FULL.__class__(**{name: getattr(FULL, name) for name in FULL.__slots__} | {"head": 0})
    with_table, without = (
        MemoryPlan.of(tied, 8 * GIB, weights="nf4", steps=StepSizes(), economy=economy).embeddings
        for economy in (ECONOMIES[0], Economy(host_table=True))
    )
    assert with_table == without > 0


def test_too_little_says_what_other_weights_would_leave() -> None:
    with pytest.raises(NotEnoughMemoryError) as raised:
        Planner(FULL, 12 * GIB, least=4_402, wanted=48_952).plan("bf16")
    assert raised.value.positions == 0
    assert raised.value.with_weights["nf4"] > raised.value.with_weights["int8"] > 4_402


def test_fewer_rows_leave_more_room() -> None:
    few, many = (
        MemoryPlan.of(FULL, 24 * GIB, weights="bf16", steps=StepSizes(max_rows=rows)).pages_bytes for rows in (32, 512)
    )
    assert few > many


def test_the_footprint_is_that_of_the_model(checkpoint: Checkpoint) -> None:
    footprint = Footprint.of(checkpoint.model)
    counted = footprint.linears + footprint.table + footprint.head + footprint.vectors + footprint.encoders
    assert counted == sum(weight.numel() for weight in checkpoint.model.parameters())
    made = Runner(checkpoint, pages=4, page_size=16)
    pool = made._decoder.pool
    assert footprint.position == 2 * sum(keys[0].numel() for keys in pool.keys)
    sizes = made._encoder._acoustic.history_size, made._encoder._semantic.history_size
    assert sum(sizes) <= footprint.history < 1.05 * sum(sizes)  # convolutions without bias are one, with less to keep


def test_a_device_without_room_makes_no_runner(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """One page used to be made of nothing, and every upload was refused."""
    monkeypatch.setattr(start, "free_bytes", lambda device: 64 << 20)
    with pytest.raises(NotEnoughMemoryError, match="room for 0 positions"):
        make_runner(checkpoint)


def test_a_runner_has_the_planned_pages_and_steps(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "free_bytes", lambda device: 2 * GIB)
    steps = StepSizes(max_rows=4, prefill_positions=4096, encode_frames=100)
    made = make_runner(checkpoint, room=Room(steps, least=1, wanted=1)).info
    assert made.largest_step == steps
    frugal = make_runner(checkpoint, room=Room(steps, least=1, wanted=10**9)).info
    assert frugal.largest_step == StepSizes(max_rows=4, prefill_positions=512, encode_frames=48)
    assert frugal.pages > made.pages > 0


def test_the_most_frugal_answers_the_same(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    own = load_checkpoint("tiny", device="cpu", dtype="float32")  # it loses weights here
    answers = []
    for model, economy in ((checkpoint, ECONOMIES[0]), (own, ECONOMIES[-1])):
        jobs = [job(clip) for clip in clips[:3]]
        Driver(Runner(model, pages=200, page_size=16, economy=economy), 0).run(jobs)
        answers.append([each.answer for each in jobs])
    assert answers[0] == answers[1]
    convolutions = [m for m in own.model.modules() if isinstance(m, torch.nn.Conv1d)]
    assert not any(each.weight.numel() for each in convolutions)
    assert not own.model.get_input_embeddings().state_dict()
