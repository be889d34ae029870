"""Adapters: an answer with one is that of the checkpoint in which it is merged, whatever the company in its steps."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from model.decoder.adapters import Adapter
from model.decoder.attention import Backend
from model.device.capture import recompute
from model.errors import CheckpointError
from model.loading.adapters import open_adapters
from model.loading.checkpoint import Checkpoint
from model.memory.footprint import Footprint
from model.memory.plan import MemoryPlan
from model.quantised import quantise
from model.runner.runner import Runner
from model.seam.adapters import NamedAdapter
from model.seam.audio import Samples
from model.seam.steps import RowWork, StepPlan, StepSizes
from model.start import foresee
from tests.model import paged_reference
from tests.model.driver import Driver, Job, asked, hear, opened

ROOM: dict[str, Any] = {"pages": 256, "page_size": 16}
TOKENS = 40
REFERENCE = Backend("reference", paged_reference.attend)


def _write(folder: Path, checkpoint: Checkpoint, seed: int, **options: Any) -> Path:
    """An adapter by peft itself, whose second matrices are not zero, as they are before anything is learned."""
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    kind = {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj", "o_proj", "down_proj"]}
    adapted: Any = get_peft_model(copy.deepcopy(checkpoint.model), LoraConfig(**(kind | options)))  # type: ignore[arg-type]
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.15)
    adapted.save_pretrained(folder, save_embedding_layers=False)
    return folder


def _merged(folder: Path, checkpoint: Checkpoint) -> Checkpoint:
    from peft import PeftModel

    adapted: Any = PeftModel.from_pretrained(copy.deepcopy(checkpoint.model), str(folder))
    return replace(checkpoint, model=adapted.merge_and_unload())


@pytest.fixture(scope="module")
def folders(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two that differ in rank and in the maps that they touch."""
    folder = tmp_path_factory.mktemp("adapters")
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return [
        _write(folder / "one", checkpoint, 1),
        _write(folder / "two", checkpoint, 2, r=8, target_modules=every, use_rslora=True),
    ]


@pytest.fixture(scope="module")
def adapters(checkpoint: Checkpoint, folders: list[Path]) -> list[Adapter]:
    named = [NamedAdapter(folder.name, str(folder)) for folder in folders]
    return [each.load() for each in open_adapters(named, Footprint.of(checkpoint.model))]


def _alone(checkpoint: Checkpoint, clips: list[Samples]) -> list[list[int]]:
    jobs = [Job(clip, TOKENS) for clip in clips]
    Driver(Runner(checkpoint, **ROOM), seed=1).run(jobs)
    return [job.answer for job in jobs]


def _copied(checkpoint: Checkpoint) -> Checkpoint:
    """Adapters are put into the model, and the others' is to stay as it is."""
    return replace(checkpoint, model=copy.deepcopy(checkpoint.model))


@pytest.fixture(scope="module")
def expected(checkpoint: Checkpoint, folders: list[Path], clips: list[Samples]) -> dict[str | None, list[list[int]]]:
    """Answers of the checkpoint, and of those in which an adapter is merged."""
    answers: dict[str | None, list[list[int]]] = {None: _alone(_copied(checkpoint), clips[:3])}
    for folder in folders:
        answers[folder.name] = _alone(_merged(folder, checkpoint), clips[:3])
    return answers


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"deterministic": True},
        {"attention": REFERENCE, "record_steps": recompute},
    ],
    ids=["as it is", "deterministic", "recorded"],
)
def test_rows_of_different_adapters_share_steps(
    checkpoint: Checkpoint,
    adapters: list[Adapter],
    clips: list[Samples],
    expected: dict[str | None, list[list[int]]],
    options: dict[str, Any],
) -> None:
    runner = Runner(_copied(checkpoint), **ROOM, **options, adapters=adapters)
    jobs = {(name, place): Job(clip, TOKENS, adapter=name) for place, clip in enumerate(clips[:3]) for name in expected}
    Driver(runner, seed=5).run(list(jobs.values()), join_chance=0.9)
    assert runner.info.adapters == ("one", "two")
    for (name, place), job in jobs.items():
        assert job.answer == expected[name][place], (name, place)
    assert len({tuple(expected[name][0]) for name in expected}) == 3  # or nothing would be shown by it


def test_beside_quantised_maps_rows_without_an_adapter_stay_as_they_are(
    checkpoint: Checkpoint, adapters: list[Adapter], clips: list[Samples]
) -> None:
    small = _copied(checkpoint)
    quantise(small.model, "int8", torch.device("cpu"))
    before = _alone(small, clips[:2])
    runner = Runner(small, **ROOM, adapters=adapters)
    plain, adapted = ([Job(clip, TOKENS, adapter=name) for clip in clips[:2]] for name in (None, "two"))
    Driver(runner, seed=2).run([*plain, *adapted])
    assert [job.answer for job in plain] == before
    assert [job.answer for job in adapted] != before


def test_a_view_of_a_row_and_its_next_question_have_its_adapter(
    checkpoint: Checkpoint, adapters: list[Adapter], clips: list[Samples], expected: dict[str | None, list[list[int]]]
) -> None:
    runner = Runner(_copied(checkpoint), **ROOM, adapters=adapters)
    opened(runner, 1, clips[0])
    runner.adapt(1, "one")
    hear(runner, 1, clips[0], whole=True)
    for _ in range(2):
        runner.step(StepPlan(rows=(RowWork(1, asked(runner, 1)),)))
        runner.crop(1)
    answer: list[int] = []
    queued = asked(runner, 1)
    while len(answer) < TOKENS:
        emitted = runner.step(StepPlan(rows=(RowWork(1, queued),))).emitted
        answer += emitted[0].tokens
        queued = runner.counts(1).queued
        if answer[-1] in runner.info.stop_ids:
            break
    assert answer[:TOKENS] == expected["one"][0]
    with pytest.raises(ValueError, match="not in"):
        runner.adapt(1, "three")


Harm = Callable[[dict[str, Any], dict[str, torch.Tensor]], None]


def _config(**options: Any) -> Harm:
    return lambda config, _: config.update(options)


def _rename(part: str, to: str) -> Harm:
    def harm(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        for name in [name for name in tensors if part in name]:
            tensors[name.replace(part, to)] = tensors.pop(name)

    return harm


def _cut(letter: str) -> Harm:
    def harm(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        name = next(name for name in tensors if f"lora_{letter}" in name)
        tensors[name] = tensors[name][:-1].contiguous()

    return harm


def _empty(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    down = next(name for name in tensors if "lora_A" in name)
    up = down.replace("lora_A", "lora_B")
    tensors[down], tensors[up] = tensors[down][:0].contiguous(), tensors[up][:, :0].contiguous()


def _deepen(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    name = next(name for name in tensors if "lora_A" in name)
    tensors[name] = tensors[name][:, None].contiguous()


def _twice(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    name = next(iter(tensors))
    tensors[name.replace(".weight", ".default.weight")] = tensors[name].clone()


def _drop(_: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    del tensors[next(name for name in tensors if "lora_B" in name)]


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (_config(peft_type="IA3"), "it is a IA3"),
        (_config(use_dora=True), "use_dora"),
        (_config(bias="all"), "bias"),
        (_config(modules_to_save=["lm_head"]), "modules_to_save"),
        (_config(init_lora_weights="pissa"), "init_lora_weights"),
        (_rename("layers.5.", "layers.6."), "layer 6 of a model that has 6"),
        (_rename("mlp.down_proj", "mlp.dense"), "dense"),
        (_rename("language_model.layers", "acoustic_tokenizer_encoder.layers"), "acoustic_tokenizer_encoder"),
        (_cut("A"), "made for another model"),
        (_cut("B"), "made for another model"),
        (_deepen, "made for another model"),
        (_twice, "twice"),
        (_config(lora_alpha="much"), "an alpha that is not a number: 'much'"),
        (_config(lora_alpha=float("nan")), "an alpha that is not a number: nan"),
        (_config(lora_alpha=10**400), "an alpha that is not a number: 1000"),
        (_config(lora_alpha=True), "an alpha that is not a number: True"),
        (_config(alpha_pattern={"(": 3}), "alpha_pattern"),
        (_config(alpha_pattern=[3]), "alpha_pattern"),
        (_config(alpha_pattern={"q_proj": None}), "an alpha that is not a number: None"),
        (_drop, "half of"),
        (_empty, "a rank of 0"),
        (lambda _, tensors: tensors.clear(), "nothing in it"),
    ],
)
def test_what_does_not_fit_is_told_before_a_weight_is_read(
    checkpoint: Checkpoint, folders: list[Path], tmp_path: Path, harm: Harm, told: str
) -> None:
    config = json.loads((folders[0] / "adapter_config.json").read_text())
    tensors = load_file(folders[0] / "adapter_model.safetensors")
    harm(config, tensors)
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    with pytest.raises(CheckpointError, match=told) as caught:
        open_adapters([NamedAdapter("mine", str(tmp_path))], Footprint.of(checkpoint.model))
    assert str(caught.value).startswith("Adapter mine: ")


@pytest.mark.parametrize("absent", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_folder_that_peft_has_not_written_is_told(
    checkpoint: Checkpoint, folders: list[Path], tmp_path: Path, absent: str
) -> None:
    for file in folders[0].iterdir():
        if file.name != absent:
            (tmp_path / file.name).write_bytes(file.read_bytes())
    with pytest.raises(CheckpointError, match=absent):
        open_adapters([NamedAdapter("mine", str(tmp_path))], Footprint.of(checkpoint.model))


def test_a_folder_that_is_not_there_is_told(checkpoint: Checkpoint, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"Adapter mine: there is no folder .*/gone"):
        open_adapters([NamedAdapter("mine", str(tmp_path / "gone"))], Footprint.of(checkpoint.model))


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("adapter_config.json", b"{", "is not a JSON object"),
        ("adapter_config.json", b"[1]", "is not a JSON object"),
        ("adapter_config.json", b"\xff\xfe", "is not a JSON object"),
        ("adapter_model.safetensors", b"", "is empty"),
        ("adapter_model.safetensors", b"\x05" + bytes(7) + b"no JSON", "is not a safetensors file"),
        ("adapter_model.safetensors", b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "Git LFS"),
        ("adapter_model.safetensors", None, "is cut short"),
    ],
)
def test_a_damaged_file_is_told_with_the_adapter(
    checkpoint: Checkpoint, folders: list[Path], tmp_path: Path, file: str, content: bytes | None, told: str
) -> None:
    for each in folders[0].iterdir():
        (tmp_path / each.name).write_bytes(each.read_bytes())
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:-9] if content is None else content)
    with pytest.raises(CheckpointError, match=told) as caught:
        open_adapters([NamedAdapter("mine", str(tmp_path))], Footprint.of(checkpoint.model))
    assert str(caught.value).startswith("Adapter mine: ")
    assert file in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_weights_that_are_no_numbers_are_told(checkpoint: Checkpoint, folders: list[Path], tmp_path: Path) -> None:
    shutil.copy(folders[0] / "adapter_config.json", tmp_path)
    tensors = load_file(folders[0] / "adapter_model.safetensors")
    next(iter(tensors.values()))[0, 0] = torch.nan
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    (opened,) = open_adapters([NamedAdapter("mine", str(tmp_path))], Footprint.of(checkpoint.model))
    with pytest.raises(CheckpointError, match=r"Adapter mine: .* not numbers"):
        opened.load()


def test_more_ranks_than_every_row_should_compute_with_are_refused(checkpoint: Checkpoint, folders: list[Path]) -> None:
    many = [NamedAdapter(f"a{number}", str(folders[1])) for number in range(129)]
    with pytest.raises(CheckpointError, match="ranks of 1032"):
        open_adapters(many, Footprint.of(checkpoint.model))


def test_the_plan_counts_what_the_adapters_take(checkpoint: Checkpoint, adapters: list[Adapter]) -> None:
    footprint, ranks = Footprint.of(checkpoint.model), sum(each.rank for each in adapters)
    plain, adapted = (
        MemoryPlan.of(footprint, 1 << 30, weights="bf16", steps=StepSizes(), ranks=each) for each in (0, ranks)
    )
    held = Runner(_copied(checkpoint), **ROOM, adapters=adapters)._decoder._language_model.buffers()
    buffers = sum(buffer.numel() for buffer in held if buffer.ndim == 2)
    assert plain.adapters == 0
    assert adapted.adapters >= 2 * buffers
    assert plain.pages_bytes - adapted.pages_bytes == adapted.adapters


def test_by_peft_or_here_an_adapter_adds_the_same(
    checkpoint: Checkpoint, folders: list[Path], adapters: list[Adapter]
) -> None:
    down, up = adapters[1].maps[3, "gate_proj"]
    merged = _merged(folders[1], checkpoint).model.model.language_model.layers[3].mlp.gate_proj.weight
    before = checkpoint.model.model.language_model.layers[3].mlp.gate_proj.weight
    torch.testing.assert_close(merged - before, up @ down, atol=1e-6, rtol=1e-4)


def test_an_alpha_of_some_maps_is_theirs_alone(checkpoint: Checkpoint, tmp_path: Path) -> None:
    folder = _write(tmp_path / "mine", checkpoint, 3, alpha_pattern={r"layers\.3\.self_attn\.q_proj|v_proj": 40})
    [adapter] = [
        each.load() for each in open_adapters([NamedAdapter("mine", str(folder))], Footprint.of(checkpoint.model))
    ]
    merged = _merged(folder, checkpoint).model.model.language_model.layers
    before = checkpoint.model.model.language_model.layers
    for layer, name in [(3, "q_proj"), (2, "q_proj"), (2, "v_proj"), (3, "o_proj")]:
        down, up = adapter.maps[layer, name]
        added = getattr(merged[layer].self_attn, name).weight - getattr(before[layer].self_attn, name).weight
        torch.testing.assert_close(added, up @ down, atol=1e-6, rtol=1e-4)


def test_a_prospect_knows_them_and_what_does_not_fit_stops_it(folders: list[Path], tmp_path: Path) -> None:
    named = [NamedAdapter(folder.name, str(folder)) for folder in folders]
    prospect = foresee("tiny", device="cpu", adapters=named)
    assert prospect.info.adapters == ("one", "two")
    with pytest.raises(CheckpointError, match="Adapter mine"):
        foresee("tiny", device="cpu", adapters=[NamedAdapter("mine", str(tmp_path))])
