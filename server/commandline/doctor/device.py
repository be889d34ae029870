"""The GPU, its driver, and whether PyTorch was built for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from server.commandline.doctor.check import Check, fail, ok, warn


class Devices(Protocol):
    """`model.device.survey.Devices`, which needs PyTorch."""

    @property
    def gpus(self) -> tuple[str, ...]: ...
    @property
    def kernel_driver(self) -> str | None: ...
    @property
    def torch(self) -> str: ...
    @property
    def built_for(self) -> str | None: ...
    @property
    def usable(self) -> tuple[str, ...]: ...
    @property
    def metal(self) -> bool: ...
    @property
    def why_not(self) -> str: ...


def judged(found: Devices, wanted: str) -> Iterator[Check]:
    """``wanted``: the device of the settings."""
    there = bool(found.gpus or found.kernel_driver)
    if found.gpus:
        yield ok("driver", "; ".join(found.gpus))
    elif found.kernel_driver:
        yield fail(
            "driver",
            f"the kernel has {found.kernel_driver}, and nvidia-smi finds no GPU",
            "reinstall the driver; in a container run it with --gpus all",
        )
    else:
        yield _without_driver(found, wanted)
    yield _torch(found, wanted, there=there)


def _without_driver(found: Devices, wanted: str) -> Check:
    if wanted.startswith("cuda"):
        return fail(
            "driver",
            f"--device {wanted} is asked for, and there is no NVIDIA driver",
            "install the driver, or take --device auto; in a container run it with --gpus all",
        )
    if found.metal:
        return ok("driver", "Apple's Metal; ask for it by --device mps")
    return warn("driver", "no NVIDIA driver: the model runs on the CPU", "fine for tiny; the real model wants a GPU")


def _torch(found: Devices, wanted: str, *, there: bool) -> Check:
    told = f"PyTorch {found.torch}, built for " + ("CPUs" if found.built_for is None else f"CUDA {found.built_for}")
    if found.built_for is None and there:
        return fail(
            "torch",
            f"{told}, on a machine with a GPU",
            "pip uninstall torch, then install its build for CUDA, as pytorch.org/get-started says for this driver",
        )
    if found.built_for is not None and there and not found.usable:
        return fail(
            "torch",
            f"{told}, and it sees no GPU{f' ({found.why_not})' if found.why_not else ''}",
            "mostly the driver is older than this CUDA: update it, or install PyTorch for an older CUDA",
        )
    if found.built_for is not None and not there and wanted != "cpu":
        return warn("torch", f"{told}, without a GPU", "its build for CPUs is gigabytes smaller")
    return ok("torch", told + (f", sees {', '.join(found.usable)}" if found.usable else ""))
