"""The card that is played notices what a real one would: each rule broken once, and kept once."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
import torch

from bench.rehearsal import GIB, FakeCuda, card_of

MEGABYTE = 1 << 20


@pytest.fixture
def cuda() -> Iterator[FakeCuda]:
    with FakeCuda(card_of(8)) as card:
        yield card


def side_stream() -> torch.cuda.Stream:
    stream: torch.cuda.Stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    return stream


def event() -> torch.cuda.Event:
    made: torch.cuda.Event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    return made


def pinned(*numbers: int) -> torch.Tensor:
    return torch.tensor(numbers).pin_memory()


# ------------------------------------------------------------------------------------------------------------- memory


def test_memory_comes_back_and_the_most_is_named(cuda: FakeCuda) -> None:
    kept = torch.empty(MEGABYTE, device="cuda")
    half = kept[: MEGABYTE // 2]
    passing = kept + 1
    assert torch.cuda.memory_allocated() == 8 * MEGABYTE
    del passing, kept
    assert torch.cuda.memory_allocated() == 4 * MEGABYTE  # the view keeps all of it
    assert cuda.memory.peak == 8 * MEGABYTE
    assert "add" in cuda.memory.peak_at
    assert "test_card.py" in cuda.memory.peak_at
    del half
    assert torch.cuda.memory_allocated() == 0
    assert torch.cuda.memory_reserved() == 8 * MEGABYTE
    torch.cuda.empty_cache()
    assert torch.cuda.memory_reserved() == 0


def test_more_than_the_card_has_is_refused_and_nothing_of_it_stays(cuda: FakeCuda) -> None:
    kept = torch.empty(GIB, dtype=torch.bfloat16, device="cuda")
    before = torch.cuda.memory_allocated()
    with pytest.raises(torch.OutOfMemoryError, match="CUDA out of memory"):
        torch.empty(3 * GIB, dtype=torch.bfloat16, device="cuda")
    gc.collect()
    assert torch.cuda.memory_allocated() == before
    assert len(kept + 1) == GIB  # which fits


# --------------------------------------------------------------------------------------------------------- host waits


def test_what_makes_the_host_wait_is_counted_with_its_place(cuda: FakeCuda) -> None:
    there = torch.zeros(4, device="cuda")
    for wait in (
        lambda: torch.ones(4).to("cuda"),
        lambda: there.cpu(),
        lambda: there.sum().item(),
        lambda: there.tolist(),
        lambda: bool(there.any()),
        lambda: torch.tensor([1, 2], device="cuda"),
        lambda: there[torch.tensor([True, False, True, False], device="cuda")],
        lambda: torch.cuda.synchronize(),
    ):
        with cuda.step() as step:
            there.add_(1)
            wait()
        assert step.waits
        assert all("test_card.py" in each for each in step.waits)


def test_pinned_copies_and_known_events_make_nobody_wait(cuda: FakeCuda) -> None:
    with cuda.step() as step:
        there = pinned(1, 2).to("cuda", non_blocking=True)
        sent = event()
        sent.record()
        there.add_(1)
    assert not step.waits
    with cuda.step() as step:
        sent.synchronize()
        sent.synchronize()
    assert step.waits.total() == 1


def test_numbers_that_lead_somewhere_are_known(cuda: FakeCuda) -> None:
    places = torch.tensor([5, 6, 7], device="cuda") - 5
    assert places.tolist() == [0, 1, 2]
    assert len(torch.zeros(3, 8, device="cuda")[places > 0]) == 2
    assert (torch.zeros(1, device="cuda") + 1).tolist() == [0.0]  # nobody computes here


# -------------------------------------------------------------------------------------------------------------- races


def test_reading_what_another_stream_may_not_have_written_is_a_race(cuda: FakeCuda) -> None:
    side = side_stream()
    there = torch.zeros(4, device="cuda")
    with torch.cuda.stream(side):
        there.sum()
    assert "race" in str(cuda.faults)


def test_a_stream_that_waits_does_not_race(cuda: FakeCuda) -> None:
    side = side_stream()
    there = torch.zeros(4, device="cuda")
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        there.add_(1)
        done = event()
        done.record()
    torch.cuda.current_stream().wait_event(done)
    there.sum()
    assert not cuda.faults, str(cuda.faults)


def test_writing_over_what_another_stream_still_reads_is_a_race(cuda: FakeCuda) -> None:
    side = side_stream()
    there = torch.zeros(4, device="cuda")
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        there.sum()
    there.add_(1)
    assert "may still read" in str(cuda.faults)


@pytest.mark.parametrize("recorded", [True, False])
def test_memory_that_another_stream_uses_wants_record_stream(cuda: FakeCuda, recorded: bool) -> None:
    side = side_stream()
    there = torch.zeros(4, device="cuda")
    side.wait_stream(torch.cuda.current_stream())
    if recorded:
        there.record_stream(side)
    with torch.cuda.stream(side):
        there.sum()
    del there
    torch.zeros(4, device="cuda")
    assert ("record_stream" in str(cuda.faults)) is not recorded


def test_memory_of_the_host_is_left_alone_while_a_copy_reads_it(cuda: FakeCuda) -> None:
    source = pinned(1, 2)
    source.to("cuda", non_blocking=True)
    source.numpy()[0] = 7
    torch.cuda.synchronize()
    assert "wrote over" in str(cuda.faults)


def test_what_a_copy_has_not_brought_yet_is_not_looked_at(cuda: FakeCuda) -> None:
    target = pinned(0, 0)
    target.copy_(torch.tensor([3, 4], device="cuda"), non_blocking=True)
    assert target.numpy()[0] != 3
    target.tolist()
    assert "not have brought yet" in str(cuda.faults)
    torch.cuda.synchronize()
    assert target.tolist() == [3, 4]


# ------------------------------------------------------------------------------------------------------------- graphs


def test_a_replay_is_one_launch_and_its_pool_stays(cuda: FakeCuda) -> None:
    graph, there = torch.cuda.CUDAGraph(), torch.zeros(MEGABYTE, device="cuda")
    with torch.cuda.graph(graph):
        result = ((there + 1) * 2).sum()
    assert result.shape == ()
    with cuda.step() as step:
        graph.replay()
    assert (step.launches, step.replays, step.waits.total()) == (1, 1, 0)
    assert cuda.memory.taken > 8 * MEGABYTE > cuda.memory.allocated


def test_waiting_inside_a_recording_fails(cuda: FakeCuda) -> None:
    graph, there = torch.cuda.CUDAGraph(), torch.zeros(4, device="cuda")
    with pytest.raises(RuntimeError, match="capturing"), torch.cuda.graph(graph):
        there.tolist()
    assert "inside a recording" in str(cuda.faults)


def test_a_replay_beside_another_of_the_same_pool_is_a_race(cuda: FakeCuda) -> None:
    side, there, pool = side_stream(), torch.zeros(4, device="cuda"), torch.cuda.graph_pool_handle()
    graphs = [torch.cuda.CUDAGraph() for _ in range(2)]
    for graph in graphs:
        with torch.cuda.graph(graph, pool=pool):
            (there + 1).sum()
    graphs[0].replay()
    with torch.cuda.stream(side):
        graphs[1].replay()
    assert "race" in str(cuda.faults)


# ------------------------------------------------------------------------------------------------------------ devices


def test_a_device_without_index_is_refused_as_the_current_one(cuda: FakeCuda) -> None:
    with pytest.raises(ValueError, match="index"):
        torch.cuda.set_device(torch.device("cuda"))
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.cuda.set_device(1)


def test_tensors_of_host_and_card_do_not_mix(cuda: FakeCuda) -> None:
    with pytest.raises(RuntimeError, match="device"):
        torch.zeros(4, device="cuda") + torch.zeros(4)
    assert (torch.zeros(4, device="cuda") + torch.tensor(1.0)).device.type == "cuda"


def test_generators_belong_to_a_device(cuda: FakeCuda) -> None:
    with pytest.raises(RuntimeError, match="generator"):
        torch.rand(4, device="cuda", generator=torch.Generator())
    assert torch.rand(4, device="cuda", generator=torch.Generator("cuda").manual_seed(1)).device.type == "cuda"
