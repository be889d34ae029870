"""What the GPU bench does is tried on a CPU: ten minutes on a GPU are dear."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.gpu import files, run
from bench.gpu.bench import Bench, Section
from bench.gpu.quantised import quantised
from bench.gpu.random_steps import RandomSteps
from bench.support.random_model import random_checkpoint, small
from bench.support.report import Goal
from model.runner.runner import Runner
from model.seam.steps import DEFAULT_STEPS, StepSizes
from model.start import make_runner


@pytest.fixture(scope="module")
def bench() -> Bench:
    return Bench(random_checkpoint(small(), torch.device("cpu"), torch.float32), run.REHEARSAL)


def test_the_small_model_knows_every_token_of_its_processor(bench: Bench) -> None:
    """A GPU that looks up a token that is not there is lost to the process."""
    random = RandomSteps(make_runner(bench.checkpoint, kv_positions=4096), seed=0)
    random.run(20, time_left=lambda: True)
    assert random.steps == 20
    assert len(bench.checkpoint.processor.tokenizer) <= len(bench.checkpoint.model.lm_head.weight)


def test_a_broken_device_takes_nothing_that_was_measured(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """After a failed assertion on the GPU every call to it fails, also those between two sections."""
    broken = False

    def measured(_bench: Bench, section: Section) -> None:
        nonlocal broken
        section.rows.append(["good"])
        broken = True
        raise RuntimeError("CUDA error: device-side assert triggered")

    def settle(_device: torch.device) -> None:
        if broken:
            raise RuntimeError("CUDA error: device-side assert triggered")

    monkeypatch.setattr(run, "settle", settle)
    monkeypatch.setattr(run, "SECTIONS", {"first": (measured, 5.0), "second": (measured, 5.0)})
    found = run.run(bench, ["first", "second"], tmp_path)
    assert [section.rows for section in found.sections[:2]] == [[["good"]], []]
    assert json.loads((tmp_path / "gpu.json").read_text())["sections"][1]["notes"]


def test_fewer_bits_are_compared_on_the_same_weights(bench: Bench) -> None:
    few = Bench(bench.checkpoint, replace(bench.sizes, step_batches={40: (1,)}))
    section = Section("quantised")
    quantised(few, section)
    found = {weights: float(same.rstrip("%")) for weights, _, same, *_ in section.rows}
    assert found["bf16"] == 100
    assert 80 < found["int8"] < 100
    assert any(note.startswith("fp8") for note in section.notes)


def test_runs_are_shown_as_one() -> None:
    """Ten minutes are not enough for everything where a GPU is slow."""
    first = run.Findings(
        "a GPU",
        "a model",
        [
            Section("files", rows=[["64"]]),
            Section("random", notes=["no time left"]),
            Section("memory", rows=[["files"]]),
        ],
        [Goal("files", 900, 1000), Goal("live", 130, 128)],
    )
    second = run.Findings(
        "a GPU",
        "a model",
        [Section("files"), Section("random", rows=[["10000"]]), Section("memory", rows=[["random"]])],
        [Goal("random", 10_000, 10_000), Goal("files", 1100, 1000)],
    )
    shown = run.Findings.together([first, second])
    assert [section.name for section in shown.sections] == ["files", "random", "memory"]
    assert [section.rows for section in shown.sections] == [[["64"]], [["10000"]], [["files"], ["random"]]]
    assert [(goal.name, goal.met) for goal in shown.goals] == [("files", True), ("live", True), ("random", True)]
    assert shown.machine == "a GPU"


@pytest.mark.parametrize("name", ["encoders", "steps", "long", "prefills"])
def test_rates_are_measured_while_there_is_memory(bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A runner takes all that is left, and any section may be the first."""

    class TakenError(Exception):
        pass

    def runner(self: Bench, **_: object) -> Runner:
        assert self.rates is not None
        raise TakenError

    monkeypatch.setattr(Bench, "runner", runner)
    with pytest.raises(TakenError):
        run.SECTIONS[name][0](replace(bench, rates=None), Section(name))


@pytest.mark.parametrize(("free", "copied"), [(None, 1 << 24), (1 << 30, 1 << 24), (1 << 20, 1 << 18)])
def test_a_small_card_copies_less(bench: Bench, monkeypatch: pytest.MonkeyPatch, free: int | None, copied: int) -> None:
    seen = []
    monkeypatch.setattr("bench.gpu.bench.free_bytes", lambda _: free)
    monkeypatch.setattr("bench.gpu.bench.measure_rates", lambda *_, **sizes: seen.append(sizes["copy_bytes"]))
    assert replace(bench, rates=None).known_rates is None
    assert seen == [copied]


@pytest.mark.parametrize(("total", "larger"), [(24 << 30, False), (80 << 30, True)])
def test_larger_steps_are_planned_for_where_they_are_measured(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, total: int, larger: bool
) -> None:
    """Steps that nobody planned for run out of memory and are done in parts, which tells nothing of them."""
    planned = []

    def runner(_: Bench, *, steps: StepSizes = DEFAULT_STEPS) -> Runner:
        planned.append(steps)
        return make_runner(bench.checkpoint, kv_positions=4096)

    monkeypatch.setattr(Bench, "runner", runner)
    monkeypatch.setattr(Bench, "device", torch.device("cuda", 0))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (0, total))
    used: list[StepSizes] = []

    def work(_runner: Runner, _clips: object, _concurrency: int, steps: StepSizes) -> tuple[float, int]:
        used.append(steps)
        return 1.0, 1

    monkeypatch.setattr(files, "_work", work)
    files.files(replace(bench, sizes=replace(bench.sizes, clips={1: 1})), Section("files"))
    assert max(used, key=lambda steps: steps.encode_frames) == planned[0]
    assert (planned[0] != DEFAULT_STEPS) is larger
