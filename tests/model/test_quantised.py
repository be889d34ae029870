"""Weights of fewer bits: only the decoder has them, the engine computes with them as ``generate`` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import soundfile  # type: ignore[import-untyped]
import torch
from safetensors.torch import load_file, save_file
from torch.nn.functional import linear
from transformers import BitsAndBytesConfig, VibeVoiceAsrForConditionalGeneration, VibeVoiceAsrProcessor

from model.loading.checkpoint import TINY, Checkpoint, CheckpointError, load_checkpoint
from model.quantised import choose_format, formats
from model.quantised.linears import Fp8Linear, Int8Linear
from model.quantised.stored import check_quantised_weights, stored_quantisation, with_present_names
from model.runner.runner import Runner
from model.seam.audio import Samples
from model.seam.runner import WeightFormat, WeightsName
from tests.model.driver import Driver
from tests.model.oracle import Oracle
from tests.model.test_runner import TOKENS, job
from tests.support.samples import HELD_OUT

pytest.importorskip("bitsandbytes", reason="the extra `quantised` is not installed")
CPU = torch.device("cpu")
ORIGINAL_NAMES = [
    "acoustic_tokenizer_encoder",
    "semantic_tokenizer_encoder",
    "acoustic_projection",
    "semantic_projection",
    "lm_head",
]
"""What the checkpoints in circulation leave alone, in the names of the original repository."""


@pytest.fixture(scope="module")
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(("kind", "bound"), [(Int8Linear, 0.01), (Fp8Linear, 0.06)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(96, 64), (48, 192), (1030, 40)])
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_a_linear_map_is_close_to_the_whole_one(
    kind: type[Int8Linear] | type[Fp8Linear],
    bound: float,
    dtype: torch.dtype,
    shape: tuple[int, int],
    rows: int,
    generator: torch.Generator,
) -> None:
    weight, bias = torch.randn(shape, generator=generator), torch.randn(shape[0], generator=generator)
    inputs = torch.randn(2, rows, shape[1], generator=generator)
    got = kind.of(weight.to(dtype), bias.to(dtype))(inputs.to(dtype))
    wanted = linear(inputs, weight, bias)
    assert got.dtype == dtype
    assert (got.float() - wanted).norm() < bound * wanted.norm()


def test_rows_of_a_length_that_the_kernel_does_not_take(generator: torch.Generator) -> None:
    """It reads beyond their end."""
    weight, inputs = torch.randn(48, 40, generator=generator), torch.randn(5, 40, generator=generator)
    wanted = linear(inputs, weight)
    assert (Int8Linear.of(weight, None)(inputs) - wanted).norm() < 0.01 * wanted.norm()


@pytest.mark.parametrize("kind", [Int8Linear, Fp8Linear])
def test_a_row_does_not_depend_on_its_company(
    kind: type[Int8Linear] | type[Fp8Linear], generator: torch.Generator
) -> None:
    """One scale for all inputs would let a loud row wipe out the others."""
    made = kind.of(torch.randn(64, 64, generator=generator), None)
    quiet, loud = torch.randn(1, 64, generator=generator), 1e4 * torch.randn(3, 64, generator=generator)
    assert torch.allclose(made(torch.cat([quiet, loud]))[:1], made(quiet), rtol=1e-5, atol=1e-5)


def test_rows_of_zeros_stay_so() -> None:
    for kind in (Int8Linear, Fp8Linear):
        assert not kind.of(torch.zeros(32, 32), None)(torch.zeros(2, 32)).any()


@pytest.fixture(scope="module", params=["int8", "fp8", "nf4"])
def quantised(request: pytest.FixtureRequest) -> Checkpoint:
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "_no_fp8", lambda device: None)  # computed here as well, by another kernel
        patch.setattr("bitsandbytes.nn.modules.has_avx512bf16", lambda: False)  # some CPUs would compute in bfloat16
        return load_checkpoint("tiny", device="cpu", dtype="float32", weights=request.param)


def test_the_decoders_linear_maps_alone_are_quantised(quantised: Checkpoint, checkpoint: Checkpoint) -> None:
    kinds = {name: type(module) for name, module in checkpoint.model.named_modules()}
    for name, module in quantised.model.named_modules():
        inside = name.startswith("model.language_model.layers.") and kinds[name] is torch.nn.Linear
        assert (type(module) is not kinds[name]) == inside, name
    own = dict(checkpoint.model.named_parameters())
    kept = {name: each for name, each in quantised.model.named_parameters() if ".layers." not in name}
    assert "lm_head.weight" in kept
    assert all(torch.equal(each, own[name]) for name, each in kept.items())


def test_the_engine_answers_as_generate_with_the_same_weights(quantised: Checkpoint) -> None:
    """On speech, of which the checkpoint is sure: inputs rounded to eight bits make more of the last bit of a sum.

    No token of this recording has another one near it, in any of the formats.
    """
    clip, _ = soundfile.read(HELD_OUT / "cut_off_01.flac", dtype="float32")
    asked = job(clip)
    Driver(Runner(quantised, pages=200, page_size=16), 0).run([asked])
    assert asked.answer == Oracle(quantised).answer(clip, tokens=TOKENS)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled checkpoint in NF4, with the decoder's layers alone quantised and the list in the original's names."""
    kept = with_present_names({}, torch.float32)["llm_int8_skip_modules"]
    return publish(tmp_path_factory.mktemp("published"), kept)


def publish(folder: Path, kept: list[str], **method: Any) -> Path:
    settings = method or {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True}
    make_config: Any = BitsAndBytesConfig  # not annotated
    config = make_config(llm_int8_skip_modules=kept, **settings)
    model = VibeVoiceAsrForConditionalGeneration.from_pretrained(TINY, quantization_config=config, dtype=torch.float32)
    model.config.quantization_config.llm_int8_skip_modules = ORIGINAL_NAMES
    model.save_pretrained(folder)
    cast(Any, VibeVoiceAsrProcessor.from_pretrained(TINY)).save_pretrained(folder)
    return folder


def test_a_published_checkpoint_is_read_by_todays_names(
    published: Path, checkpoint: Checkpoint, clips: list[Samples]
) -> None:
    loaded = load_checkpoint(str(published), device="cpu", dtype="float32")
    assert loaded.weights == "nf4"
    encoder = loaded.model.model.acoustic_tokenizer_encoder
    assert all(type(module) is not torch.nn.Linear or module.weight.is_floating_point() for module in encoder.modules())
    own = load_checkpoint("tiny", device="cpu", dtype="float32", weights="nf4")
    answers = []
    for each in (loaded, own):
        jobs = [job(clip) for clip in clips[:2]]
        Driver(Runner(each, pages=200, page_size=16), 0).run(jobs)
        answers.append([done.answer for done in jobs])
    assert answers[0] == answers[1]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_published_checkpoint_in_int8_is_computed_by_our_own_maps(tmp_path: Path, dtype: str) -> None:
    folder = publish(tmp_path, with_present_names({}, torch.float32)["llm_int8_skip_modules"], load_in_8bit=True)
    loaded = load_checkpoint(str(folder), device="cpu", dtype=dtype)
    own = load_checkpoint("tiny", device="cpu", dtype=dtype, weights="int8")
    assert loaded.weights == "int8"
    inputs = torch.randn(4, 192, generator=torch.Generator().manual_seed(0)).to(own.dtype)
    maps = [checkpoint.model.model.language_model.layers[1].self_attn.q_proj for checkpoint in (loaded, own)]
    theirs, ours = (each(inputs).float() for each in maps)
    assert [type(each) for each in maps] == [Int8Linear, Int8Linear]
    assert (theirs - ours).norm() < 0.01 * ours.norm()
    assert {each.dtype for each in loaded.model.parameters()} == {own.dtype}


def test_quantised_encoders_are_refused(tmp_path: Path) -> None:
    folder = publish(tmp_path, kept=["lm_head"])
    with pytest.raises(CheckpointError, match="all speakers are heard as one"):
        load_checkpoint(str(folder), device="cpu")


def test_a_published_checkpoint_is_not_quantised_again(published: Path) -> None:
    with pytest.raises(CheckpointError, match="already nf4"):
        load_checkpoint(str(published), device="cpu", weights="int8")


@pytest.mark.parametrize(
    "name",
    [
        "acoustic_tokenizer_encoder.stem.stage.0.ffn.linear1.weight.absmax",
        "model.semantic_tokenizer_encoder.stem.stage.0.ffn.linear1.SCB",
        "multi_modal_projector.acoustic_linear_1.weight.quant_state.bitsandbytes__nf4",
        "language_model.lm_head.weight.quant_map",
    ],
)
def test_whatever_is_quantised_outside_of_the_decoder_is_named(name: str) -> None:
    fine = "language_model.model.layers.0.mlp.up_proj.weight.absmax"
    check_quantised_weights([fine, "lm_head.weight"], "it")
    with pytest.raises(CheckpointError, match=name.split(".")[1]):
        check_quantised_weights([fine, name], "it")


def test_a_configuration_that_claims_what_the_files_do_not_hold_is_told() -> None:
    with pytest.raises(CheckpointError, match="remove quantization_config"):
        check_quantised_weights(["language_model.model.layers.0.mlp.up_proj.weight", "lm_head.weight"], "it")


def test_modules_of_the_decoder_that_were_left_alone_stay_so() -> None:
    note = {"llm_int8_skip_modules": [*ORIGINAL_NAMES, "language_model.model.layers.3.mlp.down_proj"]}
    kept = with_present_names(note, torch.bfloat16)["llm_int8_skip_modules"]
    assert "model.language_model.layers.3.mlp.down_proj" in kept
    assert "model.acoustic_tokenizer_encoder" in kept


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"quantization": {"bits": 4}}, "MLX"),
        ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "gptq"),
        ({"text_config": {"quantization_config": {"quant_method": "fp8"}}}, "fp8"),
        ({"quantization_config": {"load_in_4bit": True, "bnb_4bit_quant_type": "fp4"}}, "fp4"),
        ({"quantization_config": "nf4"}, "unknown"),
    ],
)
def test_methods_that_are_not_computed_here_are_told(config: dict[str, Any], told: str) -> None:
    with pytest.raises(CheckpointError, match=f"quantised by .*{told}.*--weights"):
        stored_quantisation(config, "it")


@pytest.mark.parametrize(
    ("weights", "device", "told"),
    [("fp8", "cpu", "compute capability 8.9"), ("fp8", "mps", "compute capability"), ("nf4", "mps", "--weights int8")],
)
def test_formats_that_do_not_run_here_are_told(weights: WeightsName, device: str, told: str) -> None:
    with pytest.raises(CheckpointError, match=told):
        choose_format(weights, None, torch.device(device), "it")


def test_fp8_goes_by_the_compute_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda", 0)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 9))
    assert choose_format("fp8", None, device, "it") == "fp8"
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 6))
    with pytest.raises(CheckpointError, match=r"cuda:0 has 8\.6"):
        choose_format("fp8", None, device, "it")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(CheckpointError, match="bitsandbytes and accelerate: pip install"):
        choose_format("nf4", None, CPU, "it")
    everywhere: list[WeightFormat] = ["bf16", "int8"]
    assert [choose_format(weights, None, CPU, "it") for weights in everywhere] == everywhere


def test_weights_that_are_missing_are_no_reason_to_go_on(published: Path, tmp_path: Path) -> None:
    """Transformers would draw them at random."""
    for file in published.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    weights = load_file(tmp_path / "model.safetensors")
    name = next(name for name in weights if name.endswith("encoder.head.conv.weight"))
    save_file(
        {key: each for key, each in weights.items() if key != name}, tmp_path / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(CheckpointError, match="lacks 1 weights"):
        load_checkpoint(str(tmp_path), device="cpu", dtype="float32")
