"""Recorded steps of fixed size answer as steps of their own size do; a stand-in replays where there is no CUDA."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from model.decoder.attention import Backend, RowBlock
from model.decoder.graphs import AUDIO, StepGraphs, StepInputs
from model.decoder.kv_cache import PagePool, PageTable
from model.device.capture import CudaCapture, Replay, Result
from model.encoder.streaming import EncoderState, StreamingEncoder
from model.family.vibevoice_asr.geometry import HOP
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.streams import Question
from model.start import load_runner
from tests.model import paged_reference
from tests.model.driver import Driver, Job
from tests.model.oracle import Oracle
from tests.model.replaying import Replaying

REFERENCE = Backend("reference", paged_reference.attend)
TOKENS = 32


@pytest.fixture(scope="module")
def capture() -> Replaying:
    return Replaying()


@pytest.fixture(scope="module")
def runner(checkpoint: Checkpoint, capture: Replaying) -> Runner:
    runner = Runner(checkpoint, pages=400, page_size=16, attention=REFERENCE, record_steps=capture)
    poison(runner)
    return runner


def poison(runner: Runner) -> None:
    """What was never written, the scratch page included, must never reach an answer."""
    pool = runner._decoder.pool
    for storage in (*pool.keys, *pool.values):
        storage[pool.page_size :] = float("nan")


def job(clip: Samples, question: Question = Question()) -> Job:  # noqa: B008 - frozen
    return Job(clip, TOKENS, replace(question, force_header=False))


@pytest.mark.parametrize("seed", [0, 1])
def test_recorded_steps_answer_as_generate_does(
    runner: Runner, capture: Replaying, oracle: Oracle, clips: list[Samples], seed: int
) -> None:
    jobs, before = [job(clip) for clip in clips], capture.replays
    Driver(runner, seed, ahead=seed > 0).run(jobs)
    assert [j.answer for j in jobs] == [oracle.answer(clip, tokens=TOKENS) for clip in clips]
    assert capture.replays - before > TOKENS
    assert runner.free_pages == runner.info.pages


def test_sampled_rows_draw_what_they_draw_unrecorded(
    runner: Runner, checkpoint: Checkpoint, clips: list[Samples]
) -> None:
    plain = Runner(checkpoint, pages=400, page_size=16, attention=REFERENCE)
    ran = []
    for each in (runner, plain):
        drawn = [Question(temperature=1.0, seed=3), Question(), Question(temperature=0.7, seed=4)]
        jobs = [job(clip, question) for clip, question in zip(clips, drawn, strict=False)]
        Driver(each, 2, ahead=each is runner).run(jobs)
        ran.append(jobs)
    for recorded, unrecorded in zip(*ran, strict=True):
        assert recorded.answer == unrecorded.answer
        np.testing.assert_allclose(recorded.logprobs, unrecorded.logprobs, atol=1e-3)


def test_a_failed_recording_leaves_a_decoder_that_works(
    checkpoint: Checkpoint, oracle: Oracle, clips: list[Samples], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: Callable[[], Result]) -> tuple[Replay, Result]:
        raise RuntimeError("operation not permitted when stream is capturing")

    runner = Runner(checkpoint, pages=400, page_size=16, attention=REFERENCE, record_steps=broken, record_chunks=broken)
    assert "small steps are not recorded" in caplog.text
    assert "small chunks of audio are not recorded" in caplog.text
    mine = job(clips[0])
    Driver(runner, 0).run([mine])
    assert mine.answer == oracle.answer(clips[0], tokens=TOKENS)


def test_recorded_chunks_of_ragged_streams_equal_the_whole_clip(checkpoint: Checkpoint, clips: list[Samples]) -> None:
    capture = Replaying()
    recorded, plain = StreamingEncoder(checkpoint.model, capture=capture), StreamingEncoder(checkpoint.model)
    audio = [clip[: clip.size // HOP * HOP] for clip in clips]
    wanted = [plain.encode([EncoderState()], [clip])[0] for clip in audio]
    states, heard = [EncoderState() for _ in audio], [0] * len(audio)
    got: list[list[torch.Tensor]] = [[] for _ in audio]
    rng, calls = np.random.default_rng(4), 0
    while turn := [i for i, clip in enumerate(audio) if heard[i] < clip.size]:
        turn = turn[: int(rng.integers(1, len(turn) + 1))]
        longest = int(rng.integers(1, 25))  # some batches are too large for a recording
        chunks = [audio[i][heard[i] : heard[i] + int(rng.integers(1, longest + 1)) * HOP] for i in turn]
        for i, chunk, out in zip(turn, chunks, recorded.encode([states[i] for i in turn], chunks), strict=True):
            got[i].append(out)
            heard[i] += chunk.size
        calls += 1
    assert 0 < capture.replays < calls
    for parts, whole in zip(got, wanted, strict=True):
        torch.testing.assert_close(torch.cat(parts), whole, atol=2e-4, rtol=1e-4)


class Recorder:
    """A step that notes which recordings run; its result is made of its inputs."""

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, inputs: StepInputs) -> Result:
        self.sizes.append((len(inputs.ids), inputs.block.packed.widest))
        return torch.stack([inputs.ids.double(), inputs.positions.double()]), inputs.audio + inputs.wanted[:, None]


@pytest.fixture
def pool() -> PagePool:
    return PagePool(
        layers=1, pages=40, page_size=4, kv_heads=1, head_dim=2, dtype=torch.float32, device=torch.device("cpu")
    )


def small(pool: PagePool, compute: Callable[[StepInputs], Result]) -> StepGraphs:
    return StepGraphs(
        compute, Replaying(), pool, longest=80, width=2, dtype=torch.float32, sizes=(1, 4, 8, 16)
    )  # rows of 20 pages at most


def rows_of(pool: PagePool, *news: int, past: int = 0) -> list[tuple[PageTable, int]]:
    rows = []
    for new in news:
        table = PageTable(pool)
        table.extend(past + new)
        rows.append((table, new))
    return rows


def test_a_step_takes_the_next_larger_recording_of_its_kind(pool: PagePool) -> None:
    compute = Recorder()
    graphs = small(pool, compute)
    assert compute.sizes == [(16, 1), (16, 16), (8, 1), (8, 8), (4, 1), (1, 1)]
    for news, taken in [([1], (1, 1)), ([1, 1], (4, 1)), ([1] * 5, (8, 1)), ([2], (8, 8)), ([7, 3], (16, 16))]:
        compute.sizes.clear()
        rows = rows_of(pool, *news)
        assert graphs.run([[5] * sum(news)], rows, []) is not None
        assert compute.sizes == [taken]
        for table, _ in rows:
            table.release()


def test_a_step_that_fits_no_recording_is_left_alone(pool: PagePool) -> None:
    graphs = small(pool, Recorder())
    assert graphs.run([[5] * 17], rows_of(pool, 17), []) is None
    assert graphs.run([[5]], rows_of(pool, 1, past=80), []) is None


def test_inputs_reach_the_recording_and_leave_nothing_behind(pool: PagePool) -> None:
    graphs = small(pool, Recorder())
    earlier = rows_of(pool, *[2] * 8)
    graphs.run([[9] * 7, torch.ones(9, 2)], earlier, list(range(16)))
    rows = rows_of(pool, 3, 1, 5, past=6)
    ran = graphs.run([[7, 8], torch.tensor([[1.0, 2.0], [3.0, 4.0]]), [11] * 5], rows, [3, 8])
    assert ran is not None
    greedy, shown = ran
    assert greedy.shape == (2, 2)  # of the wanted places only
    recording = graphs._recordings[16, False]
    ids, positions, wanted, adapters = recording.inputs.block.extra.tolist()
    assert ids == [7, 8, AUDIO, AUDIO, *[11] * 5, *[0] * 7]
    assert positions == [6, 7, 8, 6, 6, 7, 8, 9, 10, *[0] * 7]
    assert wanted == [3, 8, *[0] * 14]
    assert adapters == [0] * 16
    assert recording.inputs.audio[2:4].tolist() == [[1, 2], [3, 4]]
    packed = recording.inputs.block.packed
    assert packed.starts.tolist() == [0, 3, 4, *[9] * 14]
    assert packed.lengths.tolist() == [9, 7, 11, *[0] * 13]
    assert shown.shape == (2, 2)


@torch.inference_mode()
def test_inputs_are_not_overwritten_before_they_were_sent(pool: PagePool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the events behind the transfers: nothing is ever through before somebody waits for it."""
    recording = small(pool, Recorder())._recordings[4, True]
    block = recording.inputs.block
    waited = []

    class Sent:
        def __init__(self) -> None:
            self.side = block._sides[0]
            self.numbers = self.side.block.tolist()

        def query(self) -> bool:
            return False

        def synchronize(self) -> None:
            assert self.side.block.tolist() == self.numbers, "overwritten before it was sent"
            waited.append(self)

    monkeypatch.setattr("model.decoder.attention.packed.mark_current", lambda _: Sent())
    for count in (2, 3, 1, 4):
        recording.inputs.fill([[7 + count] * count], rows_of(pool, *[1] * count), [0])
    assert len(waited) == 2, "two steps are under way before anybody waits"


def test_spare_places_write_to_the_scratch_page(pool: PagePool) -> None:
    block = RowBlock(positions=6, rows=6, pages=20, widest=6, pool=pool)
    rows = rows_of(pool, 2, 1, past=3)
    block.fill(rows)
    own = [slot for table, new in rows for slot in table.slots[table.length - new : table.length].tolist()]
    assert block.slots.tolist() == own + [pool.scratch_slot] * 3
    assert pool.scratch_slot not in [slot for table, _ in rows for slot in table.slots.tolist()]


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_graphs_on_the_gpu_answer_as_without(dtype: str, clips: list[Samples]) -> None:
    checkpoint = load_checkpoint("tiny", device="cuda", dtype=dtype)
    answers = []
    for recording in (True, False):
        captures = (CudaCapture(urgent=True), CudaCapture()) if recording else (None, None)
        runner = Runner(checkpoint, pages=200, page_size=256, record_steps=captures[0], record_chunks=captures[1])
        assert (runner._decoder._graphs is not None) == (recording and runner.info.attention != "sdpa")
        assert (runner._encoder._graphs is not None) == recording
        jobs = [job(clip) for clip in clips]
        Driver(runner, 0).run(jobs)
        answers.append([j.answer for j in jobs])
    matching = sum(first == second for first, second in zip(*answers, strict=True))
    assert matching == len(clips) if dtype == "float32" else matching >= len(clips) // 2


@pytest.mark.gpu
def test_the_loaded_runner_answers_on_the_gpu_as_on_the_cpu(clips: list[Samples]) -> None:
    answers = []
    for device in ("cuda", "cpu"):
        jobs = [job(clip) for clip in clips]
        Driver(load_runner("tiny", device=device, dtype="float32"), 1).run(jobs)
        answers.append([j.answer for j in jobs])
    assert answers[0] == answers[1]
