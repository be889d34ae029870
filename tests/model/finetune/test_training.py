"""A few steps on the bundled checkpoint: what is learned, that it goes on as it would have, and what is written."""

from __future__ import annotations

import copy
import json
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]
import torch

from model.encoder.streaming import StreamingEncoder
from model.finetune.command import run
from model.finetune.course import Course
from model.finetune.errors import CourseError, DataError
from model.finetune.evaluation import edits, evaluate, words_of
from model.finetune.examples import Example, Examples
from model.finetune.hearing import Ears, read_audio
from model.finetune.lines import Line, Spoken, read_lines
from model.finetune.loss import learned_places, summed_loss
from model.finetune.pupil import Pupil, take_pupil
from model.finetune.training import Stopped, Training
from model.loading.adapters import open_adapters
from model.loading.checkpoint import Checkpoint, load_checkpoint
from model.memory.footprint import Footprint
from model.reference import without_noise
from model.runner.runner import Runner
from model.seam.adapters import NamedAdapter
from tests.model.driver import Driver, Job
from tests.support.labels import processed
from tests.support.samples import HELD_OUT, lesson

COURSE = Course("tiny", rank=4, alpha=8, modules=("q_proj", "down_proj"), steps=4, accumulate=2, rate=3e-3, seed=5)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three short recordings; one has a context."""
    lines = [lesson(HELD_OUT / name) for name in ("brief_03.flac", "brief_01.flac", "brief_02.flac")]
    lines[0]["hotwords"] = ["mother", "Sara"]
    file = tmp_path_factory.mktemp("data") / "lines.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return file


@pytest.fixture(scope="module")
def lines(data: Path) -> list[Line]:
    return read_lines(data)


@pytest.fixture(scope="module")
def examples(checkpoint: Checkpoint) -> Examples:
    return Examples(checkpoint, Ears(StreamingEncoder(checkpoint.model), checkpoint.device), "text")


def test_labels_and_loss_are_those_of_transformers(
    checkpoint: Checkpoint, lines: list[Line], examples: Examples
) -> None:
    model = cast(Any, checkpoint.model)
    batch = processed(checkpoint, lines)
    mine = [examples.of(line) for line in lines]
    for row, example in enumerate(mine):  # theirs are padded on the left
        length = len(example.ids)
        assert example.ids.tolist() == batch["input_ids"][row, -length:].tolist()
        assert example.labels.tolist() == batch["labels"][row, -length:].tolist()
    alone = processed(checkpoint, lines[:1])
    with torch.no_grad():  # one by itself: behind padding the processor has a first token learned as well
        expected = model(**alone, **without_noise(model)).loss
        loss = summed_loss(model, mine[:1]) / learned_places(mine[:1])
    torch.testing.assert_close(loss, expected, atol=2e-5, rtol=1e-5)


def _gradients(model: Any, batches: list[list[Example]]) -> torch.Tensor:
    model.zero_grad()
    for batch in batches:
        (summed_loss(model, batch) / 100).backward()  # type: ignore[no-untyped-call]
    gradient: torch.Tensor = model.lm_head.weight.grad.clone()
    return gradient


def test_padding_and_accumulating_change_nothing(checkpoint: Checkpoint, lines: list[Line], examples: Examples) -> None:
    model = copy.deepcopy(checkpoint.model)
    mine = [examples.of(line) for line in lines]
    together, apart = _gradients(model, [mine]), _gradients(model, [[each] for each in mine])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-3)


def _taught(lines: list[Line], folder: Path, *, stop: int | None = None, resume: bool = False) -> Pupil:
    """The course, with a signal in its ``stop``th step."""
    torch.manual_seed(99)  # whatever came before changes nothing
    pupil = take_pupil(COURSE, "cpu")
    training = Training(pupil, COURSE, lines, [], folder)
    done = training.begin(resume=resume)
    steps = 0
    update = training._step

    def counted(step: int) -> float:
        nonlocal steps
        steps += 1
        if steps == stop:
            signal.raise_signal(signal.SIGTERM)
        return update(step)

    training._step = counted  # type: ignore[method-assign]
    if stop is None:
        training.run(done, save_every=100, evaluate_every=0)
    else:
        with pytest.raises(Stopped, match=f"step {stop}"):
            training.run(done, save_every=100, evaluate_every=0)
    return pupil


@pytest.fixture(scope="module")
def whole(lines: list[Line], tmp_path_factory: pytest.TempPathFactory) -> tuple[Pupil, Path]:
    folder = tmp_path_factory.mktemp("whole")
    return _taught(lines, folder), folder


def test_a_course_that_was_stopped_goes_on_as_it_would_have(
    lines: list[Line], whole: tuple[Pupil, Path], tmp_path: Path
) -> None:
    _taught(lines, tmp_path, stop=2)
    resumed = _taught(lines, tmp_path, resume=True).learning
    for name, weight in whole[0].learning.items():
        assert torch.equal(weight, resumed[name]), name
    logs = [
        [json.loads(line) | {"seconds": 0} for line in (folder / "log.jsonl").read_text().splitlines()]
        for folder in (tmp_path, whole[1])
    ]
    assert logs[0] == logs[1]
    assert [entry["step"] for entry in logs[0]] == [1, 2, 3, 4]


def test_steps_lower_the_loss_and_touch_the_adapter_alone(
    checkpoint: Checkpoint, lines: list[Line], whole: tuple[Pupil, Path], examples: Examples
) -> None:
    pupil, mine = whole[0], [examples.of(line) for line in lines]
    with torch.no_grad():
        before = summed_loss(checkpoint.model, mine) / learned_places(mine)
    after = evaluate(pupil, lines)
    assert after.loss < 0.97 * float(before)
    assert after.words == sum(len(words_of(spoken.text)) for line in lines for spoken in line.segments)
    assert {name.split(".")[-3] for name in pupil.learning} == {"lora_A", "lora_B"}
    others = {name.replace(".base_layer", ""): weight for name, weight in pupil.model.named_parameters()}
    for name, weight in checkpoint.model.named_parameters():
        assert torch.equal(weight, others[name]), name


def test_what_is_written_is_served_and_says_what_the_merged_checkpoint_says(
    checkpoint: Checkpoint, lines: list[Line], whole: tuple[Pupil, Path], examples: Examples, tmp_path: Path
) -> None:
    pupil, folder = whole
    copied = replace(pupil, adapted=copy.deepcopy(pupil.adapted))
    copied.save_whole(tmp_path)
    named = [NamedAdapter("taught", str(folder / "adapter"))]
    adapters = [each.load() for each in open_adapters(named, Footprint.of(checkpoint.model))]
    beside = Runner(
        replace(checkpoint, model=copy.deepcopy(checkpoint.model)), pages=256, page_size=16, adapters=adapters
    )
    merged = Runner(load_checkpoint(str(tmp_path), device="cpu", dtype="float32"), pages=256, page_size=16)

    def answers(runner: Runner, adapter: str | None) -> list[list[int]]:
        jobs = [Job(read_audio(line.audio), 120, adapter=adapter) for line in lines]
        Driver(runner, seed=1).run(jobs)
        return [job.answer for job in jobs]

    assert answers(beside, "taught") == answers(merged, None)


def test_the_decoder_itself_can_learn_and_the_encoders_do_not(lines: list[Line], tmp_path: Path) -> None:
    course = replace(COURSE, method="full", steps=1, accumulate=1, recompute=False)
    pupil = take_pupil(course, "cpu")
    before = {name: weight.detach().clone() for name, weight in pupil.model.named_parameters()}
    Training(pupil, course, lines, [], tmp_path).run(0, save_every=1, evaluate_every=0)
    moved = {name for name, weight in pupil.model.named_parameters() if not torch.equal(weight, before[name])}
    assert moved == {name for name in before if name.startswith(("model.language_model.", "lm_head."))}


def test_another_course_or_other_data_is_not_gone_on_with(
    lines: list[Line], whole: tuple[Pupil, Path], tmp_path: Path
) -> None:
    pupil, folder = whole
    with pytest.raises(CourseError, match="--resume"):
        Training(pupil, COURSE, lines, [], folder).begin(resume=False)
    with pytest.raises(CourseError, match=r"rate 0\.003"):
        Training(pupil, replace(COURSE, rate=1e-4), lines, [], folder).begin(resume=True)
    with pytest.raises(CourseError, match="other data"):
        Training(pupil, COURSE, lines[:2], [], folder).begin(resume=True)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-1000])


def _other(**parts: Any) -> Callable[[Path], None]:
    def harm(file: Path) -> None:
        state = torch.load(file, weights_only=True)
        torch.save({name: each for name, each in (state | parts).items() if each is not ...}, file)

    return harm


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_cut, "is damaged"),
        (lambda file: file.write_bytes(b""), "is damaged"),
        (lambda file: file.write_bytes(b"no state" * 99), "is damaged"),
        (lambda file: torch.save(["a list"], file), "is damaged"),
        (_other(step="4"), "it has no step"),
        (_other(weights=...), "it has no weights"),
        (_other(optimizer={"param_groups": []}), "is damaged"),
        (_other(chance=torch.zeros(3, dtype=torch.uint8)), "is damaged"),
        (_other(checkpoint="another"), "other weights than tiny has now"),
        (_other(weights={"head": torch.zeros(3)}), "other weights than tiny has now"),
    ],
)
def test_a_state_that_cannot_be_gone_on_with_is_told_by_its_file(
    lines: list[Line], whole: tuple[Pupil, Path], tmp_path: Path, harm: Callable[[Path], Any], told: str
) -> None:
    shutil.copy(whole[1] / "state.pt", tmp_path)
    harm(tmp_path / "state.pt")
    with pytest.raises(CourseError, match=told) as caught:
        Training(whole[0], COURSE, lines, [], tmp_path).begin(resume=True)
    assert str(tmp_path) in str(caught.value)


def test_where_nothing_can_be_written_is_told(lines: list[Line], whole: tuple[Pupil, Path], tmp_path: Path) -> None:
    training = Training(whole[0], COURSE, lines, [], tmp_path)
    with pytest.raises(CourseError, match="cannot be written"):
        training._taught.save(tmp_path / "gone", 1)


def test_a_course_that_leaves_all_numbers_ends_with_what_was_saved(lines: list[Line], tmp_path: Path) -> None:
    course = replace(COURSE, method="full", accumulate=1, recompute=False)
    pupil = take_pupil(course, "cpu")
    training = Training(pupil, course, lines, [], tmp_path)
    training._save(2)
    before = (tmp_path / "state.pt").read_bytes()
    with torch.no_grad():
        pupil.model.lm_head.weight[0] = torch.nan
    with pytest.raises(CourseError, match=r"step 3 .* lower --rate than 0\.003"):
        training.run(2, save_every=1, evaluate_every=0)
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_recording_that_is_none_is_told_with_its_line(lines: list[Line], examples: Examples, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.full(2400, np.nan, np.float32), 24_000, subtype="FLOAT")
    with pytest.raises(DataError, match=r"lines\.jsonl, line 1: .*a\.wav has samples that are not numbers"):
        examples.of(replace(lines[0], audio=tmp_path / "a.wav"))


def test_a_segment_behind_the_recordings_end_is_told(lines: list[Line], examples: Examples) -> None:
    with pytest.raises(DataError, match=r"ends at 99\.00 s"):
        examples.of(replace(lines[0], segments=(Spoken(0.0, 99.0, 0, "Hello."),)))


def test_every_epoch_has_all_lines_in_an_order_of_its_own() -> None:
    course = replace(COURSE, steps=None, epochs=2.0, batch=2, accumulate=1)
    steps = course.all_steps(7)
    places = [place for step in range(steps) for place in course.items(step, 7)]
    assert (steps, sorted(places[:7]), places[:7] != places[7:14]) == (7, list(range(7)), True)
    rates = [replace(course, warm_up=0.25).rate_at(step, 8) for step in range(8)]
    assert rates[1] == course.rate == max(rates)
    assert rates[0] < rates[1]
    assert rates[2:] == sorted(rates[2:], reverse=True)


def test_words_are_counted_without_marks_and_tags() -> None:
    assert words_of("[Music] It's Grüße, GRÜSSE!") == ["it's", "grüsse", "grüsse"]
    assert edits(["a", "b", "c"], ["a", "x", "c", "d"]) == 2


def test_faults_are_told_in_a_line(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([str(tmp_path / "nowhere"), "--output", str(tmp_path / "out")]) == 1
    assert run([str(data), "--output", str(tmp_path / "out"), "--model", str(tmp_path)]) == 1
    told = capsys.readouterr().err.splitlines()
    assert "neither a file of JSON lines" in told[0]
    assert "config.json" in told[-1]
    assert not (tmp_path / "out").exists()
