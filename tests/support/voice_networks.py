"""Small networks in ONNX files, in place of somebody's own voice encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str]


def network(
    path: Path,
    shape: Shape = (1, "n"),
    *,
    nodes: Sequence[onnx.NodeProto] = (),
    constants: Mapping[str, object] | None = None,
    kind: int = TensorProto.FLOAT,
    out: Shape = (1, 16),
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Write a file from ``heard`` of ``shape`` to ``vector`` of ``out``, by default its first 16 numbers.

    ``nodes``: the network; its last one makes ``vector``. ``constants``: arrays for it, by name.
    """
    arrays = {"from": np.array([0]), "to": np.array([16]), "axis": np.array([1])} | dict(constants or {})
    nodes = nodes or [helper.make_node("Slice", ["heard", "from", "to", "axis"], ["vector"])]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("heard", kind, shape)],
        [helper.make_tensor_value_info("vector", kind, out)],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(made, dict(metadata or {}))
    onnx.save(made, path)
    return path


def largest_of_bands(path: Path, bands: int = 80) -> Path:
    """A network that takes filter banks, and returns each band's largest value."""
    node = helper.make_node("ReduceMax", ["heard"], ["vector"], axes=[1], keepdims=0)
    return network(path, (1, "frames", bands), nodes=[node], out=(1, bands))
