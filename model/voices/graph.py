"""A graph of ONNX in the making."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Array = npt.NDArray[np.float32]
_TINY = 1e-12


class Graph:
    """Nodes and constants, as they are added; names are numbers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """A node with one output. Returns the output's name."""
        output = output or f"{kind}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, value: npt.ArrayLike, kind: npt.DTypeLike) -> str:
        """``value`` in the graph. Returns its name."""
        name = f"constant{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def floats(self, value: npt.ArrayLike) -> str:
        """Small numbers, kept exactly."""
        return self.constant(value, np.float32)

    def integers(self, value: npt.ArrayLike) -> str:
        """Shapes and places."""
        return self.constant(value, np.int64)

    def weights(self, value: Array) -> str:
        """Kept in half the bytes; they are float32 again when the file is loaded."""
        return self.add("Cast", self.constant(value, np.float16), to=TensorProto.FLOAT)

    def weights_in_bytes(self, value: Array) -> str:
        """Kept in a quarter of the bytes: a scale for each output, which is the first dimension."""
        ones = [1] * (value.ndim - 1)
        largest = np.abs(value).reshape(len(value), -1).max(axis=1).reshape(-1, *ones)
        scale = np.maximum(largest, _TINY) / 127
        whole = self.add("Cast", self.constant(np.round(value / scale), np.int8), to=TensorProto.FLOAT)
        return self.add("Mul", whole, self.floats(scale))
