"""A device guard for CUDA where torch was built without: it knows which device is the current one, and does no more.

Torch asks the guard of a device's type whenever it is named (``torch.device("cuda")`` gets its index there) and has a
table of guards by type, empty for CUDA here. The guard made here is that of ``meta``, which does nothing, with three of
its methods replaced; methods lie in the order of c10/core/impl/DeviceGuardImplInterface.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

_CUDA, _META = 1, 14
"""Numbers of the device types."""
_METHODS = 32
"""As many as there are, and a few."""
_TYPE, _EXCHANGE_DEVICE, _GET_DEVICE = range(3)


@contextmanager
def device_guard(current: Callable[[], int]) -> Iterator[None]:
    """Inside, CUDA has a guard. ``current``: index of the current device."""
    library = ctypes.CDLL(str(next((Path(torch.__file__).parent / "lib").glob("*c10.*"))))
    guards = (ctypes.c_void_p * (_META + 1)).in_dll(library, "_ZN3c104impl26device_guard_impl_registryE")
    plain = ctypes.cast(guards[_META] or 0, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p))).contents
    methods = (ctypes.c_void_p * _METHODS)(*(plain[number] for number in range(_METHODS)))
    # A device is two bytes: type and index.
    told = ctypes.CFUNCTYPE(ctypes.c_uint16, ctypes.c_void_p)(lambda _: _CUDA | current() << 8)
    exchanged = ctypes.CFUNCTYPE(ctypes.c_uint16, ctypes.c_void_p, ctypes.c_uint16)(lambda *_: _CUDA | current() << 8)
    kind = ctypes.CFUNCTYPE(ctypes.c_uint8, ctypes.c_void_p)(lambda _: _CUDA)
    for number, method in ((_TYPE, kind), (_EXCHANGE_DEVICE, exchanged), (_GET_DEVICE, told)):
        methods[number] = ctypes.cast(method, ctypes.c_void_p)
    guard = ctypes.pointer(methods)
    before, guards[_CUDA] = guards[_CUDA], ctypes.addressof(guard)
    try:
        yield
    finally:
        guards[_CUDA] = before
