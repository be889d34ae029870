"""The graph of CAM++ computes what its network computes in torch, whatever the length of the clip."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnxruntime  # type: ignore[import-untyped]
import pytest
import torch
from torch.nn import functional

from model.voices.campplus_graph import campplus

_BLOCKS = ((12, 1), (24, 2), (16, 2))


class _Weights(dict[str, torch.Tensor]):
    """Random ones, which the graph keeps exactly: whole numbers up to 127, by a scale."""

    def __init__(self) -> None:
        super().__init__()
        self._draw = torch.Generator().manual_seed(0)

    def kept(self, name: str, *shape: int) -> torch.Tensor:
        if name not in self:
            whole = torch.randint(-127, 128, shape, generator=self._draw).float()
            whole.view(shape[0], -1)[:, 0] = 127
            self[name] = whole / 127 * (3 / torch.tensor(shape[1:]).prod()).sqrt()
        return self[name]

    def norm(self, name: str, heard: torch.Tensor, *, learnt: bool = True) -> torch.Tensor:
        """A batch norm of powers of two: it changes no whole number that the graph keeps."""
        size = heard.shape[1]
        self[f"{name}.running_mean"] = torch.randn(size, generator=self._draw) * 0.1
        self[f"{name}.running_var"] = torch.full([size], 1 - 1e-5)
        if learnt:
            self[f"{name}.weight"] = torch.full([size], 1.0)
            self[f"{name}.bias"] = torch.randn(size, generator=self._draw) * 0.1
        mean, variance = self[f"{name}.running_mean"], self[f"{name}.running_var"]
        return functional.batch_norm(heard, mean, variance, self.get(f"{name}.weight"), self.get(f"{name}.bias"))


def _network(weights: _Weights, bands: torch.Tensor) -> torch.Tensor:
    """As 3D-Speaker has it, of [1, frames, 80]."""

    def plane(heard: torch.Tensor, name: str, norm: str, stride: int = 1, size: int = 3) -> torch.Tensor:
        weight = weights.kept(f"{name}.weight", 32, heard.shape[1], size, size)
        heard = functional.conv2d(heard, weight, stride=(stride, 1), padding=size // 2)
        return weights.norm(norm, heard)

    heard = torch.relu(plane(bands.transpose(1, 2)[:, None], "head.conv1", "head.bn1"))
    for group in ("head.layer1", "head.layer2"):
        for place, stride in enumerate((2, 1)):
            name = f"{group}.{place}"
            inner = torch.relu(plane(heard, f"{name}.conv1", f"{name}.bn1", stride))
            inner = plane(inner, f"{name}.conv2", f"{name}.bn2")
            if stride > 1:
                heard = plane(heard, f"{name}.shortcut.0", f"{name}.shortcut.1", stride, 1)
            heard = torch.relu(inner + heard)
    heard = torch.relu(plane(heard, "head.conv2", "head.bn2", 2)).flatten(1, 2)
    weight = weights.kept("xvector.tdnn.linear.weight", 128, 320, 5)
    heard = functional.conv1d(heard, weight, stride=2, padding=2)
    heard = torch.relu(weights.norm("xvector.tdnn.nonlinear.batchnorm", heard))
    for block, (layers, dilation) in enumerate(_BLOCKS, start=1):
        for layer in range(1, layers + 1):
            heard = torch.cat([heard, _dense(weights, heard, f"xvector.block{block}.tdnnd{layer}", dilation)], dim=1)
        heard = torch.relu(weights.norm(f"xvector.transit{block}.nonlinear.batchnorm", heard))
        size = heard.shape[1]
        heard = functional.conv1d(heard, weights.kept(f"xvector.transit{block}.linear.weight", size // 2, size, 1))
    heard = torch.relu(weights.norm("xvector.out_nonlinear.batchnorm", heard))
    pooled = torch.cat([heard.mean(-1), heard.std(-1)], dim=1)[..., None]
    vector = functional.conv1d(pooled, weights.kept("xvector.dense.linear.weight", 192, 1024, 1))
    return weights.norm("xvector.dense.nonlinear.batchnorm", vector, learnt=False)[..., 0]


def _dense(weights: _Weights, heard: torch.Tensor, name: str, dilation: int) -> torch.Tensor:
    inner = torch.relu(weights.norm(f"{name}.nonlinear1.batchnorm", heard))
    inner = functional.conv1d(inner, weights.kept(f"{name}.linear1.weight", 128, heard.shape[1], 1))
    inner = torch.relu(weights.norm(f"{name}.nonlinear2.batchnorm", inner))
    layer = f"{name}.cam_layer"
    local = weights.kept(f"{layer}.linear_local.weight", 32, 128, 3)
    local = functional.conv1d(inner, local, padding=dilation, dilation=dilation)
    stretches = functional.avg_pool1d(inner, 100, 100, ceil_mode=True).repeat_interleave(100, dim=2)
    context = inner.mean(-1, keepdim=True) + stretches[..., : inner.shape[-1]]
    for part, (out, into) in {"linear1": (64, 128), "linear2": (32, 64)}.items():
        weights[f"{layer}.{part}.bias"] = torch.full([out], 0.1)
        weight = weights.kept(f"{layer}.{part}.weight", out, into, 1)
        context = functional.conv1d(context, weight, weights[f"{layer}.{part}.bias"])
        context = torch.relu(context) if part == "linear1" else torch.sigmoid(context)
    return local * context


def _arrays(weights: Mapping[str, torch.Tensor]) -> dict[str, npt.NDArray[np.float32]]:
    return {name: weight.numpy() for name, weight in weights.items()}


@pytest.mark.parametrize("frames", [158, 401])
def test_the_graph_is_the_network(frames: int) -> None:
    weights, bands = _Weights(), torch.randn(1, frames, 80, generator=torch.Generator().manual_seed(frames))
    with torch.inference_mode():
        expected = _network(weights, bands)[0].numpy()
    made = campplus(_arrays(weights), same=0.6, different=0.45)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    (vector,) = session.run(None, {"features": bands.numpy()})
    assert vector.shape == (1, 192)
    assert vector[0] == pytest.approx(expected, abs=1e-3 * float(np.abs(expected).max()))
    assert session.get_modelmeta().custom_metadata_map == {"same_voice": "0.6", "different_voice": "0.45"}
