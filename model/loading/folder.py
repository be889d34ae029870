"""What lies in a checkpoint's folder: JSON files, the index, the heads of the weight files. Nothing big is read."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors import safe_open

from model.errors import CheckpointError

CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
_LFS_POINTER = b"version https://git-lfs"


def read_json(file: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises CheckpointError when there is none."""
    try:
        data = file.read_bytes()
        content = json.loads(data)
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise CheckpointError(_pointer(file, data) or f"{file} is not a JSON object: {error}.") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{file} is not a JSON object.")
    return content


def read_config(folder: Path) -> dict[str, Any]:
    """``config.json``. Raises CheckpointError."""
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{folder} is not a checkpoint: it has no {CONFIG}.")
    return read_json(folder / CONFIG)


def weight_files(folder: Path) -> list[str]:
    """Names of the weight files, as the index has them; they need not be there yet. Raises CheckpointError."""
    if (folder / SINGLE).is_file() or not (folder / INDEX).is_file():
        return [SINGLE]
    weight_map = read_json(folder / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not weight_map:
        raise CheckpointError(f"{folder / INDEX} has no weight_map, so nobody knows where the weights are.")
    names = set(weight_map.values())
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(f"{folder / INDEX} names {name!r} as a weight file; safetensors beside it are read.")
    return sorted(names)


def missing(folder: Path, names: Iterable[str]) -> list[str]:
    """Those of ``names`` that are not in the folder."""
    return [name for name in names if not (folder / name).is_file()]


def bytes_to_fetch(folder: Path, names: list[str]) -> int | None:
    """What the weight files that are not there yet come to, as the index has it; None where nothing tells."""
    if not (folder / INDEX).is_file():
        return None
    metadata = read_json(folder / INDEX).get("metadata")
    total = metadata.get("total_size") if isinstance(metadata, dict) else None
    if not isinstance(total, int):
        return None
    return max(0, total - sum((folder / name).stat().st_size for name in names if (folder / name).is_file()))


def tensor_names(folder: Path, names: list[str]) -> list[str]:
    """Of all tensors in the weight files, which are there and whole."""
    found = []
    for name in names:
        with safe_open(folder / name, framework="pt") as file:
            found += file.keys()
    return found


def check_weight_files(folder: Path, names: list[str]) -> None:
    """Raise CheckpointError for a weight file that is not whole. Reads the heads alone."""
    for name in names:
        if (fault := weight_file_fault(folder / name)) is not None:
            raise CheckpointError(f"Checkpoint {folder} does not load: {fault}")


def weight_file_fault(file: Path) -> str | None:
    """What is wrong with a safetensors file: 8 bytes of length, a JSON head, then data up to the last offset."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(len(_LFS_POINTER))
        if told := _pointer(file, start):
            return told
        if size < 8:
            return f"{file.name} is empty."
        (length,) = struct.unpack("<Q", start[:8])
        stream.seek(8)
        try:
            head = json.loads(stream.read(length)) if length <= size - 8 else {}
            ends = [entry["data_offsets"][1] for name, entry in head.items() if name != "__metadata__"]
            whole = 8 + length + max(ends, default=0)
        except (ValueError, LookupError, TypeError, AttributeError):
            return f"{file.name} is not a safetensors file."
    if whole <= size:
        return None
    return f"{file.name} is cut short ({size} of {whole} bytes); fetch it again (`hf download --force-download`)."


def _pointer(file: Path, start: bytes) -> str | None:
    if not start.startswith(_LFS_POINTER):
        return None
    return f"{file.name} is a pointer of Git LFS and not the file itself; run `git lfs pull` in {file.parent}."


def name_of_type(config: dict[str, Any]) -> tuple[object, str]:
    """Model type, and the first architecture or an empty string."""
    architectures = config.get("architectures")
    first = architectures[0] if isinstance(architectures, list) and architectures else ""
    return config.get("model_type"), first if isinstance(first, str) else ""
