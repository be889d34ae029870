"""Make the bundled voice encoder of the package that carries its weights.

    pip download --no-deps Resemblyzer==0.1.4
    python -m model.voices.convert Resemblyzer-0.1.4-py3-none-any.whl [OUT]

The weights are a pickle of torch, of which nothing but tensors is taken (``weights_only``). The file that comes of them
hears samples at 16 kHz, so that whoever runs it needs to know nothing of spectra: level, mel spectrogram, stretches of
1.6 s, network and mean are all in it.
"""
# ruff: noqa: T201 - a command

from __future__ import annotations

import argparse
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from model.voices import GE2E
from model.voices.ge2e_graph import ge2e

_MEMBER = "resemblyzer/pretrained.pt"
_DIGEST = "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e"
_SAME, _DIFFERENT = 0.8, 0.72
"""Cosines, as `python -m bench.voices` finds them."""

Weights = Mapping[str, npt.NDArray[np.float32]]


def weights_of(wheel: Path) -> Weights:
    """The network's weights by their names in torch, float32. Raises ValueError where they are others."""
    with zipfile.ZipFile(wheel) as package:
        pickled = package.read(_MEMBER)
    if hashlib.sha256(pickled).hexdigest() != _DIGEST:
        raise ValueError(f"{wheel} carries other weights than this was written for")
    state = torch.load(io.BytesIO(pickled), map_location="cpu", weights_only=True)["model_state"]
    return {name: tensor.numpy() for name, tensor in state.items()}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path, nargs="?", default=GE2E)
    options = parser.parse_args()
    made = ge2e(weights_of(options.wheel), same=_SAME, different=_DIFFERENT)
    onnx.save(made, options.out)
    print(f"{options.out}: {options.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
