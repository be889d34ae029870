"""Adapters from folders in peft's layout: looked at before a weight is read, and refused where they do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from model.decoder.adapters import Adapter, Place
from model.errors import CheckpointError
from model.loading.folder import read_json, weight_file_fault
from model.memory.footprint import Footprint
from model.seam.adapters import MODULES, NamedAdapter

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
MOST_RANKS = 1024
"""Of all adapters together: each row of a step computes with all of them."""

_TENSOR = re.compile(
    r"(?:.*\.)?language_model\.(?:model\.)?layers\.(\d+)\.(?:self_attn|mlp)\.(\w+)\.lora_([AB])(?:\.default)?\.weight"
)
_WRAPPED = "base_model.model."
"""Stands in front of the model's own names in what peft writes."""
_PLAIN: dict[str, tuple[object, ...]] = {
    "use_dora": (None, False),
    "bias": (None, "none"),
    "lora_bias": (None, False),
    "fan_in_fan_out": (None, False),
    "modules_to_save": (None, []),
    "trainable_token_indices": (None,),
    "alora_invocation_tokens": (None,),
    "layer_replication": (None,),
    "use_qalora": (None, False),
    "init_lora_weights": (None, True, False, "gaussian", "eva", "orthogonal"),
}
"""Settings of peft, as plain adapters have them, that would else make more of one than two matrices beside a map. Other
ways to begin, such as PiSSA's, take something out of the checkpoint's own maps."""


@dataclass(frozen=True, slots=True)
class OpenedAdapter:
    """An adapter that fits, whose weights are not read. ``tensors``: names in the file, by place and letter A or B."""

    name: str
    folder: Path
    rank: int
    config: dict[str, Any]
    tensors: dict[tuple[Place, str], str]

    def load(self) -> Adapter:
        """Read its weights. Raises CheckpointError."""
        maps: dict[Place, tuple[torch.Tensor, torch.Tensor]] = {}
        with _opened(self.folder, self.name) as file:
            for place, letter in self.tensors:
                if letter == "A":
                    tensor = self.tensors[place, "A"]
                    down = file.get_tensor(tensor)
                    up = file.get_tensor(self.tensors[place, "B"])
                    if not all(each.float().isfinite().all() for each in (down, up)):
                        raise CheckpointError(
                            f"Adapter {self.name}: {self.folder / WEIGHTS} has weights of {place[1]} of layer "
                            f"{place[0]} that are not numbers."
                        )
                    maps[place] = down, up.float() * self._scale(tensor.partition(".lora_A")[0], len(down))
        return Adapter(self.name, self.rank, maps)

    def _scale(self, module: str, rank: int) -> float:
        """By peft's rule: alpha over the rank, or its root; ``alpha_pattern`` has another alpha for some maps.

        ``module``: the map's path. A pattern stands for the end of it (peft's ``get_pattern_key``), or all of it.
        """
        inside = module.removeprefix(_WRAPPED)
        found = [alpha for pattern, alpha in _alphas(self.config).items() if pattern.match(inside)]
        alpha: float = found[0] if found else self.config.get("lora_alpha", 8)
        return alpha / (sqrt(rank) if self.config.get("use_rslora") else rank)


def open_adapters(named: Sequence[NamedAdapter], footprint: Footprint) -> list[OpenedAdapter]:
    """Look at all of them. ``footprint``: of the checkpoint that they are for.

    Raises CheckpointError for one that is no plain LoRA of the decoder's linear maps, has other shapes than the
    checkpoint's maps, or is one too many.
    """
    opened = [_open(each, footprint) for each in named]
    if (ranks := sum(each.rank for each in opened)) > MOST_RANKS:
        raise CheckpointError(
            f"The adapters have ranks of {ranks} together, and every row computes with all of them: serve up to "
            f"{MOST_RANKS}, the others by another server, or merged."
        )
    return opened


def _open(named: NamedAdapter, footprint: Footprint) -> OpenedAdapter:
    folder, name = Path(named.folder), named.name
    if not folder.is_dir():
        raise CheckpointError(f"Adapter {name}: there is no folder {folder}.")
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"Adapter {name}: {folder} has no {CONFIG}, as folders that peft has written do.")
    config = _config(folder / CONFIG, name)
    if (kind := config.get("peft_type")) != "LORA":
        raise CheckpointError(f"Adapter {name}: it is a {kind}, and LORA alone is served beside others; merge it.")
    if odd := [key for key, plain in _PLAIN.items() if config.get(key) not in plain]:
        raise CheckpointError(f"Adapter {name}: {', '.join(odd)} make it more than plain LoRA; serve it merged.")
    tensors: dict[tuple[Place, str], str] = {}
    shapes: dict[tuple[Place, str], list[int]] = {}
    with _opened(folder, name) as file:
        for tensor in file.keys():  # noqa: SIM118 - it is no dictionary
            if (place := _place(tensor, name)) in tensors:
                raise CheckpointError(f"Adapter {name}: {folder / WEIGHTS} has {tensor} twice, by another name too.")
            tensors[place], shapes[place] = tensor, file.get_slice(tensor).get_shape()
    return OpenedAdapter(name, folder, _check_shapes(shapes, footprint, name), config, tensors)


def _config(file: Path, name: str) -> dict[str, Any]:
    """What peft has written of how the adapter was made. Raises CheckpointError."""
    try:
        config = read_json(file)
    except CheckpointError as error:
        raise CheckpointError(f"Adapter {name}: {error}") from error
    try:
        alphas = [config.get("lora_alpha", 8), *_alphas(config).values()]
    except (AttributeError, re.error) as error:
        raise CheckpointError(f"Adapter {name}: alpha_pattern in {file} is not what peft writes: {error}.") from error
    if wrong := [each for each in alphas if not _is_number(each)]:
        raise CheckpointError(f"Adapter {name}: {file} has an alpha that is not a number: {wrong[0]!r:.40}.")
    return config


def _is_number(value: object) -> bool:
    """Whether it is one that a float holds."""
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def _alphas(config: dict[str, Any]) -> dict[re.Pattern[str], float]:
    """Of some maps, by what their paths look like."""
    alphas = config.get("alpha_pattern") or {}
    return {re.compile(rf"(?:.*\.)?(?:{pattern})$"): alpha for pattern, alpha in alphas.items()}


@contextmanager
def _opened(folder: Path, name: str) -> Iterator[Any]:
    """The file with the weights. Raises CheckpointError where it cannot be read, also for what is done within."""
    file = folder / WEIGHTS
    if not file.is_file():
        raise CheckpointError(f"Adapter {name}: {folder} has no {WEIGHTS}; other formats are not read.")
    try:
        if fault := weight_file_fault(file):
            raise CheckpointError(f"Adapter {name}: {folder}: {fault}")
        with safe_open(file, framework="pt") as opened:
            yield opened
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"Adapter {name}: {file} cannot be read: {error}.") from error


def _place(tensor: str, name: str) -> tuple[Place, str]:
    found = _TENSOR.fullmatch(tensor)
    if found is None or found[2] not in MODULES:
        raise CheckpointError(
            f"Adapter {name}: it touches {tensor}, and beside the decoder's linear maps ({', '.join(MODULES)}) none is "
            "served; merge it."
        )
    return (int(found[1]), found[2]), found[3]


def _check_shapes(shapes: dict[tuple[Place, str], list[int]], footprint: Footprint, name: str) -> int:
    """The largest rank. Raises CheckpointError where one half is missing, or has another shape than the map."""
    largest = 0
    for layer, module in dict.fromkeys(place for place, _ in shapes):
        down, up = shapes.get(((layer, module), "A")), shapes.get(((layer, module), "B"))
        where = f"{module} of layer {layer}"
        if down is None or up is None:
            raise CheckpointError(f"Adapter {name}: half of {where} is missing.")
        if layer >= footprint.layers:
            raise CheckpointError(f"Adapter {name}: it is for layer {layer} of a model that has {footprint.layers}.")
        wide, out = footprint.map_shape(module)
        if len(down) != 2 or len(up) != 2 or [down[-1], up[0], down[0]] != [wide, out, up[-1]]:
            raise CheckpointError(
                f"Adapter {name}: for {where} it has {down} and {up}, and the checkpoint's map goes from {wide} to "
                f"{out}: it was made for another model."
            )
        if not down[0]:
            raise CheckpointError(f"Adapter {name}: for {where} it has a rank of 0, which adds nothing.")
        largest = max(largest, down[0])
    if not largest:
        raise CheckpointError(f"Adapter {name}: there is nothing in it.")
    return largest
