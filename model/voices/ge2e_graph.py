"""GE2E (Wan et al. 2018, as Resemblyzer trained it) as one graph: samples at 16 kHz in, a unit vector out.

Mel spectrogram and stretches are those that the weights were trained with: 25 ms every 10 ms, 40 bands of Slaney's
scale as librosa makes them, power without a logarithm, -30 dBFS, 160 frames at a time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from model.voices.graph import Array, Graph

_RATE, _WINDOW, _HOP, _BANDS = 16_000, 400, 160, 40
_STRETCH = 160
"""Frames that the network hears at once."""
_STEP = 80
"""Frames from one stretch to the next, at most: stretches overlap by half and reach to both ends."""
_HIDDEN = 256
_LAYERS = 3
_LEVEL = 10 ** (-30 / 20)
_OPSET = 17


def ge2e(weights: Mapping[str, Array], *, same: float, different: float) -> onnx.ModelProto:
    """The graph with ``weights``, named as in torch: ``lstm.*`` of three layers and ``linear.*``.

    Input ``samples`` [1, n], n at least 25,600; output ``vector`` [1, 256]. ``same`` and ``different``
    are the cosines from which on, and up to which, two vectors are one voice's and two voices': its metadata.
    """
    graph = Graph()
    mel = _mel(graph, _levelled(graph, "samples"))
    vectors = _network(graph, _stretches(graph, mel), weights)
    mean = graph.add("ReduceMean", vectors, axes=[0], keepdims=1)
    graph.add("LpNormalization", mean, output="vector", axis=1, p=2)
    samples = helper.make_tensor_value_info("samples", TensorProto.FLOAT, [1, "n"])
    vector = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, _HIDDEN])
    made = helper.make_model(
        helper.make_graph(graph.nodes, "ge2e", [samples], [vector], graph.constants),
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=8,
    )
    helper.set_model_props(made, {"same_voice": f"{same:g}", "different_voice": f"{different:g}"})
    onnx.checker.check_model(made, full_check=True)
    return made


def _levelled(graph: Graph, samples: str) -> str:
    power = graph.add("ReduceMean", graph.add("Mul", samples, samples), axes=[1], keepdims=1)
    level = graph.add("Sqrt", graph.add("Add", power, graph.floats(1e-12)))
    return graph.add("Mul", samples, graph.add("Div", graph.floats(_LEVEL), level))


def _mel(graph: Graph, samples: str) -> str:
    """[frames, bands]. A convolution with sines and cosines is the short-time Fourier transform."""
    bins = _WINDOW // 2 + 1
    angles = 2 * np.pi * np.outer(np.arange(bins), np.arange(_WINDOW)) / _WINDOW
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    waves = np.concatenate([np.cos(angles), np.sin(angles)])[:, np.newaxis] * hann
    signal = graph.add("Unsqueeze", samples, graph.integers([1]))
    edge = _WINDOW // 2
    parts = graph.add("Conv", signal, graph.floats(waves), strides=[_HOP], pads=[edge, edge])
    squares = graph.add("Squeeze", graph.add("Mul", parts, parts), graph.integers([0]))
    filters = np.tile(_slaney_filters(bins), 2)
    return graph.add("Transpose", graph.add("MatMul", graph.floats(filters), squares), perm=[1, 0])


def _slaney_filters(bins: int) -> npt.NDArray[np.float64]:
    """[bands, bins]: triangles of equal area, linear below 1 kHz and logarithmic above, up to half the rate."""
    top = 15 + np.log(_RATE / 2 / 1000) * 27 / np.log(6.4)
    scale = np.linspace(0, top, _BANDS + 2)
    edges = np.where(scale < 15, scale * 200 / 3, 1000 * np.exp((scale - 15) * np.log(6.4) / 27))[:, np.newaxis]
    hertz = np.linspace(0, _RATE / 2, bins)
    rising = (hertz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - hertz) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(0, np.minimum(rising, falling)) * 2 / (edges[2:] - edges[:-2]))


def _stretches(graph: Graph, mel: str) -> str:
    """[160, stretches, bands] of ``mel`` [frames, bands]."""
    one, stretch = graph.integers(1), graph.integers(_STRETCH)
    frames = graph.add("Squeeze", graph.add("Shape", mel, end=1))
    last = graph.add("Sub", frames, stretch)
    gaps = graph.add("Div", graph.add("Add", last, graph.integers(_STEP - 1)), graph.integers(_STEP))
    numbers = graph.add("Range", graph.integers(0), graph.add("Add", gaps, one), one)
    starts = graph.add("Div", graph.add("Mul", numbers, last), graph.add("Max", gaps, one))
    within = graph.integers(np.arange(_STRETCH)[:, np.newaxis])
    return graph.add("Gather", mel, graph.add("Add", within, starts), axis=0)


def _network(graph: Graph, mels: str, weights: Mapping[str, Array]) -> str:
    """[stretches, hidden]: unit vectors."""
    heard, last = mels, ""
    for layer in range(_LAYERS):
        gates = [_gates(weights[f"lstm.{part}_l{layer}"]) for part in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        inputs, recurrent = (graph.weights(gate[np.newaxis]) for gate in gates[:2])
        biases = graph.weights(np.concatenate(gates[2:])[np.newaxis])
        output, last = f"output{layer}", f"last{layer}"
        graph.nodes.append(
            helper.make_node("LSTM", [heard, inputs, recurrent, biases], [output, last], hidden_size=_HIDDEN)
        )
        heard = graph.add("Squeeze", output, graph.integers([1]))
    hidden = graph.add("Squeeze", last, graph.integers([0]))
    linear, bias = (graph.weights(weights[f"linear.{part}"]) for part in ("weight", "bias"))
    raw = graph.add("Relu", graph.add("Gemm", hidden, linear, bias, transB=1))
    return graph.add("LpNormalization", raw, axis=1, p=2)


def _gates(weight: Array) -> Array:
    """torch has input, forget, cell, output; ONNX has input, output, forget, cell."""
    first, forget, cell, output = np.split(weight, 4)
    return np.concatenate([first, output, forget, cell])
