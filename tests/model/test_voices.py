"""The graph of the bundled voice encoder computes what its network computes in torch, spectrogram included."""

from __future__ import annotations

import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from torch.nn.functional import normalize
from transformers.audio_utils import mel_filter_bank

from model.voices.ge2e_graph import ge2e

_RATE = 16_000


def _spectrogram(samples: torch.Tensor) -> torch.Tensor:
    """[frames, 40], with Transformers' filters in place of the graph's own."""
    levelled = samples * 10 ** (-30 / 20) / samples.square().mean().sqrt()
    window = torch.hann_window(400)
    power = torch.stft(levelled, 400, 160, window=window, pad_mode="constant", return_complex=True).abs().square()
    filters = mel_filter_bank(201, 40, 0, _RATE / 2, _RATE, norm="slaney", mel_scale="slaney")
    return power.T @ torch.from_numpy(filters).float()


@pytest.mark.parametrize("starts", [(0,), (0, 1), (0, 70, 140)])
def test_the_graph_is_the_network_over_stretches(starts: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    for weight in (*lstm.parameters(), *linear.parameters()):
        weight.data = (4 * weight.data).half().float()  # as the file keeps them
    named = {f"lstm.{name}": weight for name, weight in lstm.named_parameters()}
    named |= {f"linear.{name}": weight for name, weight in linear.named_parameters()}
    graph = ge2e({name: weight.detach().numpy() for name, weight in named.items()}, same=0.8, different=0.7)
    samples = 0.1 * torch.randn((starts[-1] + 159) * 160) * torch.linspace(0.1, 1, (starts[-1] + 159) * 160)
    mel = _spectrogram(samples)
    with torch.inference_mode():
        _, (last, _) = lstm(torch.stack([mel[start : start + 160] for start in starts]))
        expected = normalize(normalize(torch.relu(linear(last[-1])), dim=1).mean(dim=0), dim=0)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    (vector,) = session.run(None, {"samples": samples.numpy()[np.newaxis]})
    assert vector.shape == (1, 256)
    assert vector[0] == pytest.approx(expected.numpy(), abs=1e-4)
    assert session.get_modelmeta().custom_metadata_map == {"same_voice": "0.8", "different_voice": "0.7"}
