"""Where Triton is installed but cannot launch, the server runs without it and says what is missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from model.decoder.attention import SDPA, AttentionError, Place, choose_backend
from model.device import triton_trial
from model.encoder import causal_stack
from model.encoder.causal_stack import CausalStack, History
from tests.model.test_causal_stack import encode, random_encoder

CUDA = torch.device("cuda:0")
# Turing: none of the backends before it run, so Triton's is next.
PLACE = Place(CUDA, torch.float16, head_dim=128, page_size=256)
FAILURES: list[Exception] = [
    RuntimeError("Failed to find C compiler. Please specify via CC environment variable"),
    ImportError("cuda_utils.so: failed to map segment from shared object: Operation not permitted"),
    PermissionError(13, "Permission denied: '/home/asr/.triton'"),
    AssertionError("libcuda.so cannot found!"),
]


@pytest.fixture(autouse=True)
def _asked_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    triton_trial.obstacle.cache_clear()
    monkeypatch.setattr(triton_trial, "find_spec", lambda name: importlib.util.find_spec("torch"))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    yield
    triton_trial.obstacle.cache_clear()


def failing(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[torch.device]:
    """Every launch fails; returns the devices of the launches."""
    launches: list[torch.device] = []

    def launch(device: torch.device) -> None:
        launches.append(device)
        raise error

    monkeypatch.setattr(triton_trial, "_launch", launch)
    return launches


@pytest.mark.parametrize("error", FAILURES, ids=lambda error: type(error).__name__)
def test_a_failed_launch_is_tried_once_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    launches = failing(monkeypatch, error)
    for _ in range(3):
        reason = triton_trial.obstacle(CUDA)
        assert reason is not None
        assert str(error) in reason
    assert launches == [CUDA]
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    for hint in (str(error), "gcc", "libc6-dev", "TRITON_CACHE_DIR"):
        assert hint in record.getMessage()


def test_the_encoder_computes_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = random_encoder([1, 2, 1, 1], (2, 4, 5), biased=True)
    audio = torch.randn(2, 6 * encoder.config.hop_length)

    def latents() -> torch.Tensor:
        with torch.inference_mode():
            return encode(CausalStack(encoder), audio, [History(), History()], [6, 4])

    wanted, choose = latents(), causal_stack._mix_on
    chosen: list[Any] = []

    def on_cuda(_: torch.device) -> Any:
        chosen.append(choose(CUDA))
        return chosen[-1]

    failing(monkeypatch, FAILURES[0])
    monkeypatch.setattr(causal_stack, "_mix_on", on_cuda)
    assert torch.equal(latents(), wanted)
    assert len(chosen) > 1


def test_attention_goes_on_with_what_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, FAILURES[0])
    assert choose_backend("auto", PLACE) is SDPA
    with pytest.raises(AttentionError, match=r"'triton' cannot run here.*C compiler"):
        choose_backend("triton", PLACE)


def test_no_memory_is_no_reason_to_go_without(monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(torch.OutOfMemoryError):
        triton_trial.obstacle(CUDA)


def test_nothing_is_launched_where_it_cannot_work(monkeypatch: pytest.MonkeyPatch) -> None:
    launches = failing(monkeypatch, FAILURES[0])
    assert triton_trial.obstacle(torch.device("cpu")) == "it needs a CUDA device, not cpu"
    monkeypatch.setattr(triton_trial, "find_spec", lambda _: None)
    assert triton_trial.obstacle(CUDA) == "the package triton is not installed"
    assert not launches


def test_a_launch_that_works_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triton_trial, "_launch", lambda _: None)
    assert triton_trial.obstacle(CUDA) is None
