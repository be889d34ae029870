"""Which GPUs a machine has, by its driver and by PyTorch, for whoever wants to know why one is not used."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import torch

_DRIVER = Path("/proc/driver/nvidia/version")
_ASKED = "--query-gpu=name,driver_version,memory.total"
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class Devices:
    """What was found.

    Attributes:
        gpus: what the driver's tool says of each: name, driver, memory.
        kernel_driver: what the kernel says of the driver, None where it has none.
        torch: PyTorch's version.
        built_for: the CUDA that it was built for; None is a build for CPUs.
        usable: the GPUs that PyTorch sees.
        metal: it sees Apple's.
        why_not: what PyTorch says where it sees none though it was built for it.
    """

    gpus: tuple[str, ...] = ()
    kernel_driver: str | None = None
    torch: str = ""
    built_for: str | None = None
    usable: tuple[str, ...] = ()
    metal: bool = False
    why_not: str = ""


def look() -> Devices:
    """Ask the driver and PyTorch."""
    why_not = ""
    usable: tuple[str, ...] = ()
    if torch.version.cuda is not None:
        try:
            usable = tuple(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
            torch.zeros(1, device="cuda")
        except (RuntimeError, AssertionError) as error:
            usable, why_not = (), str(error).partition("\n")[0]
    return Devices(
        gpus=_gpus(),
        kernel_driver=_kernel_driver(),
        torch=torch.__version__,
        built_for=torch.version.cuda,
        usable=usable,
        metal=torch.backends.mps.is_available(),
        why_not=why_not,
    )


def _gpus() -> tuple[str, ...]:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return ()
    try:
        done = subprocess.run(  # noqa: S603 - the driver's own tool
            [tool, _ASKED, "--format=csv,noheader"], capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return tuple(line.strip() for line in done.stdout.splitlines() if line.strip()) if done.returncode == 0 else ()


def _kernel_driver() -> str | None:
    try:
        version = re.search(r"Module\s+([\d.]+)", _DRIVER.read_text("utf-8", "replace"))
    except OSError:
        return None
    return f"NVIDIA's {version[1]}" if version else "NVIDIA's"
