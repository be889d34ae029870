"""CAM++ (Wang et al. 2023, as 3D-Speaker trained it) as one graph: log-mel filter banks in, a vector out.

A residual network over bands and frames, then three blocks of densely connected layers over frames, each layer masked
by what its context says: the mean of all frames and of their stretch. Mean and deviation over time make the vector.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from model.voices.graph import Array, Graph

_BANDS = 80
_VECTOR = 192
_BLOCKS = ((12, 1), (24, 2), (16, 2))
"""Layers and dilation of each block."""
_STRETCH = 100
"""Frames, of 20 ms each by then, of a stretch."""
_EPSILON = 1e-5
"""Of the batch norms."""
_OPSET = 17

Weights = Mapping[str, Array]


def campplus(weights: Weights, *, same: float, different: float) -> onnx.ModelProto:
    """The graph with ``weights``, named as in torch (``head.*``, ``xvector.*``).

    Input ``features`` [1, frames, 80], output ``vector`` [1, 192]. ``same`` and ``different`` are the cosines from
    which on, and up to which, two vectors are one voice's and two voices': its metadata.
    """
    graph = Graph()
    network = _Network(graph, weights)
    frames = network.head(graph.add("Transpose", "features", perm=[0, 2, 1]))
    network.pooled(network.blocks(frames))
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, "frames", _BANDS])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, _VECTOR])
    made = helper.make_model(
        helper.make_graph(graph.nodes, "campplus", [features], [vector], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    helper.set_model_props(made, {"same_voice": f"{same:g}", "different_voice": f"{different:g}"})
    onnx.checker.check_model(made, full_check=True)
    return made


class _Network:
    """Adds the layers with these weights."""

    def __init__(self, graph: Graph, weights: Weights) -> None:
        self._graph = graph
        self._weights = weights

    def head(self, bands: str) -> str:
        """[1, channels, frames] of [1, bands, frames]."""
        heard = self._graph.add("Unsqueeze", bands, self._graph.integers([1]))
        heard = self._relu(self._convolved(heard, "head.conv1", norm="head.bn1", pads=[1] * 4))
        for layer in ("layer1", "layer2"):
            for place, stride in enumerate((2, 1)):
                heard = self._residual(heard, f"head.{layer}.{place}", stride)
        heard = self._relu(self._convolved(heard, "head.conv2", norm="head.bn2", pads=[1] * 4, strides=[2, 1]))
        return self._graph.add("Reshape", heard, self._graph.integers([1, 32 * _BANDS // 8, -1]))

    def _residual(self, heard: str, name: str, stride: int) -> str:
        strides = [stride, 1]
        inner = self._convolved(heard, f"{name}.conv1", norm=f"{name}.bn1", pads=[1] * 4, strides=strides)
        inner = self._convolved(self._relu(inner), f"{name}.conv2", norm=f"{name}.bn2", pads=[1] * 4)
        if stride > 1:
            heard = self._convolved(heard, f"{name}.shortcut.0", norm=f"{name}.shortcut.1", strides=strides)
        return self._relu(self._graph.add("Add", inner, heard))

    def blocks(self, heard: str) -> str:
        """[1, 512, frames / 2]."""
        norm = "xvector.tdnn.nonlinear.batchnorm"
        heard = self._relu(self._convolved(heard, "xvector.tdnn.linear", norm=norm, pads=[2, 2], strides=[2]))
        counts = self._counts(heard)
        for block, (layers, dilation) in enumerate(_BLOCKS, start=1):
            for layer in range(1, layers + 1):
                own = self._dense(heard, f"xvector.block{block}.tdnnd{layer}", dilation, counts)
                heard = self._graph.add("Concat", heard, own, axis=1)
            name = f"xvector.transit{block}"
            heard = self._convolved(self._normed(heard, f"{name}.nonlinear.batchnorm"), f"{name}.linear")
        return self._normed(heard, "xvector.out_nonlinear.batchnorm")

    def _dense(self, heard: str, name: str, dilation: int, counts: str) -> str:
        inner = self._normed(heard, f"{name}.nonlinear1.batchnorm")
        inner = self._relu(self._convolved(inner, f"{name}.linear1", norm=f"{name}.nonlinear2.batchnorm"))
        sizes: dict[str, Any] = {"pads": [dilation] * 2, "dilations": [dilation]}
        local = self._convolved(inner, f"{name}.cam_layer.linear_local", **sizes)
        whole = self._graph.add("ReduceMean", inner, axes=[2], keepdims=1)
        context = self._graph.add("Add", whole, self._graph.add("Div", self._sums(inner), counts))
        mask = self._convolved(context, f"{name}.cam_layer.linear1")  # [1, channels, stretches]
        mask = self._graph.add("Sigmoid", self._convolved(self._relu(mask), f"{name}.cam_layer.linear2"))
        return self._graph.add("Mul", local, self._spread(mask, local))

    def _sums(self, frames: str) -> str:
        """[1, channels, stretches] of [1, channels, frames]: the last stretch may be shorter."""
        graph = self._graph
        count = graph.add("Shape", frames, start=2)
        stretch = graph.integers([_STRETCH])
        missing = graph.add("Mod", graph.add("Neg", count), stretch)
        padded = graph.add("Pad", frames, graph.add("Concat", graph.integers([0] * 5), missing, axis=0))
        stretches = graph.add("Reshape", padded, graph.integers([1, 0, -1, _STRETCH]), allowzero=0)
        return graph.add("ReduceSum", stretches, graph.integers([3]), keepdims=0)

    def _counts(self, frames: str) -> str:
        """[1, 1, stretches]: frames of each."""
        graph = self._graph
        one = graph.add("Slice", frames, graph.integers([0]), graph.integers([1]), graph.integers([1]))
        ones = graph.add("Add", graph.add("Mul", one, graph.floats(0.0)), graph.floats(1.0))
        return self._sums(ones)

    def _spread(self, mask: str, frames: str) -> str:
        """``mask`` of each stretch for all its frames."""
        graph = self._graph
        count = graph.add("Squeeze", graph.add("Shape", frames, start=2))
        places = graph.add("Range", graph.integers(0), count, graph.integers(1))
        return graph.add("Gather", mask, graph.add("Div", places, graph.integers(_STRETCH)), axis=2)

    def pooled(self, frames: str) -> None:
        """The output ``vector`` of [1, 512, frames]: of their means and deviations."""
        graph = self._graph
        mean = graph.add("ReduceMean", frames, axes=[2], keepdims=1)
        off = graph.add("Sub", frames, mean)
        squares = graph.add("ReduceSum", graph.add("Mul", off, off), graph.integers([2]), keepdims=1)
        count = graph.add("Cast", graph.add("Shape", frames, start=2), to=TensorProto.FLOAT)
        variance = graph.add("Div", squares, graph.add("Sub", count, graph.floats(1.0)))
        both = graph.add("Concat", mean, graph.add("Sqrt", variance), axis=1)
        vector = self._convolved(both, "xvector.dense.linear", norm="xvector.dense.nonlinear.batchnorm")
        graph.add("Squeeze", vector, graph.integers([2]), output="vector")

    def _convolved(self, heard: str, name: str, *, norm: str = "", **sizes: Any) -> str:
        """``norm``: the batch norm behind it, which becomes part of its weights."""
        weight = self._weights[f"{name}.weight"]
        bias = self._weights.get(f"{name}.bias", np.zeros(weight.shape[0], np.float32))
        if norm:
            scale, shift = self._norm(norm)
            weight = weight * scale.reshape(-1, *[1] * (weight.ndim - 1))
            bias = bias * scale + shift
        parts = (self._graph.weights_in_bytes(np.asarray(weight, np.float32)), self._graph.floats(bias))
        return self._graph.add("Conv", heard, *parts, **sizes)

    def _normed(self, heard: str, name: str) -> str:
        """A batch norm over frames that stands by itself, and what is above zero of it."""
        scale, shift = (self._graph.floats(part[:, np.newaxis]) for part in self._norm(name))
        return self._relu(self._graph.add("Add", self._graph.add("Mul", heard, scale), shift))

    def _norm(self, name: str) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """What a batch norm multiplies with, and what it adds then."""
        mean, variance = (self._weights[f"{name}.running_{part}"] for part in ("mean", "var"))
        scale = self._weights.get(f"{name}.weight", np.float32(1)) / np.sqrt(variance + _EPSILON)
        shift = self._weights.get(f"{name}.bias", np.float32(0)) - mean * scale
        return np.asarray(scale, np.float32), np.asarray(shift, np.float32)

    def _relu(self, heard: str) -> str:
        return self._graph.add("Relu", heard)
