"""Errors are told apart by what libraries say."""

from __future__ import annotations

import pytest
import torch

from model.errors import is_device_fault


@pytest.mark.parametrize(
    "told",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx(...)`",
        "CUDA driver error: unspecified launch failure",
        "Triton Error [CUDA]: an illegal memory access was encountered",  # whoever comes next is told, also Triton
    ],
)
def test_a_device_that_is_lost(told: str) -> None:
    assert is_device_fault(RuntimeError(told))


def test_what_passes_or_is_nobodys_fault() -> None:
    assert not is_device_fault(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."))
    assert not is_device_fault(RuntimeError("shape '[2, 3]' is invalid for input of size 5"))
    assert not is_device_fault(ValueError("CUDA error"))
