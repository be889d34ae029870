"""Why the model cannot be started. Imports no torch, so that a process without tensors can tell these errors apart."""

from __future__ import annotations

_DEVICE_FAULTS = (
    "CUDA error",
    "HIP error",
    "CUBLAS_STATUS",
    "CUDNN_STATUS",
    "cuDNN error",
    "NCCL error",
    "CUDA driver",
    "Triton Error [CUDA]",
)


class StartError(Exception):
    """The model cannot be started as asked. The message is one sentence or two for the operator: what to do about it.

    Attributes:
        permanent: the same attempt fails again, so only an operator can help. Otherwise it may pass by itself.
    """

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


class CheckpointError(StartError):
    """The checkpoint cannot be had, read or used."""


class AttentionError(StartError):
    """The attention backend that was asked for cannot run here."""


class DeviceMemoryError(StartError):
    """The model does not fit the memory of its device."""


def is_device_fault(error: BaseException) -> bool:
    """Whether the device is of no more use to this process, as after an illegal access or a failed assertion on it.

    By what the libraries say: torch has a type for the first kind alone, and this module no torch.
    """
    told = str(error)
    return isinstance(error, RuntimeError) and any(fault in told for fault in _DEVICE_FAULTS)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no memory left. By what torch says: on a CPU it has no type for it."""
    told = str(error)
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and ("out of memory" in told or "DefaultCPUAllocator" in told)
    )
