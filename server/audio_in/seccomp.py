"""Which system calls this process may make from now on: the kernel's seccomp filter, written out.

Allowed is what decoding needs of the kernel: to read and write what is open already, to take the file that is handed
over, memory, the time, and to end. So there is no opening, no socket, no other program, no thread or other process, no
signal to anybody else, and no memory that is executed. Everything else is answered as a call that does not exist
(ENOSYS): a C library newer than this list then takes an older way.

The libraries for this are not kept up, or need another one of the system. What the kernel takes is an array of
instructions that has been the same since 2012 (seccomp(2), linux/seccomp.h, linux/filter.h).
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_CALLS: Final[dict[str, tuple[int | None, int | None]]] = {
    # What is open.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "ftruncate": (77, 46),
    "fstat": (5, 80),
    "newfstatat": (262, 79),
    "close": (3, 57),
    # The pipe, which is a socket.
    "recvfrom": (45, 207),
    "recvmsg": (47, 212),
    "sendto": (44, 206),
    "getsockname": (51, 204),
    "getsockopt": (55, 209),
    "poll": (7, None),
    "ppoll": (271, 73),
    "fcntl": (72, 25),
    # Memory.
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "madvise": (28, 233),
    "brk": (12, 214),
    # Locks, time, chance.
    "futex": (202, 98),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "gettimeofday": (96, 169),
    "getrusage": (98, 165),
    "getrandom": (318, 278),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    # Oneself, and the end.
    "getpid": (39, 172),
    "gettid": (186, 178),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "tgkill": (234, 131),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
"""Their numbers on x86-64 and aarch64. Some are one C library's or one kernel's: glibc's ``fstat`` is either of the
two, and the time comes from the kernel only where the vDSO does not tell it."""


@dataclass(frozen=True, slots=True)
class _Only:
    """A call is allowed where the lower half of an argument, under the mask, has this value."""

    argument: int
    mask: int
    value: int


_AT_EMPTY_PATH = 0x1000
_CONDITIONS: Final[dict[str, _Only]] = {
    "mmap": _Only(2, mmap.PROT_EXEC, 0),
    "mprotect": _Only(2, mmap.PROT_EXEC, 0),
    # What a descriptor is, not what a path is.
    "newfstatat": _Only(3, _AT_EMPTY_PATH, _AT_EMPTY_PATH),
    # Others of its commands have the kernel send signals to any process of this user.
    "fcntl": _Only(1, 0xFFFFFFFF, getattr(fcntl, "F_DUPFD_CLOEXEC", 1030)),
}


@dataclass(frozen=True, slots=True)
class _Machine:
    """The column of `_CALLS`, the kernel's name (linux/audit.h) and the number of the call that installs a filter."""

    column: int
    audit: int
    seccomp: int


_MACHINES: Final = {"x86_64": _Machine(0, 0xC000003E, 317), "aarch64": _Machine(1, 0xC00000B7, 277)}

_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Where in what the filter is shown (struct seccomp_data) they begin."""
_LOAD, _AND, _IF_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_DENY = 0x00050000 | errno.ENOSYS

_SET_NO_NEW_PRIVILEGES = 38
_SET_MODE_FILTER, _ALL_THREADS = 1, 1


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def filter_calls() -> bool:
    """Install the filter for this process, for good. Returns whether the kernel took it; no other one knows of it."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return False
    instructions = b"".join(_program(machine, os.getpid()))
    program = _Program(len(instructions) // 8, instructions)
    libc = ctypes.CDLL(None)
    libc.prctl(_SET_NO_NEW_PRIVILEGES, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    mode = (ctypes.c_long(machine.seccomp), ctypes.c_ulong(_SET_MODE_FILTER), ctypes.c_ulong(_ALL_THREADS))
    return bool(libc.syscall(*mode, ctypes.byref(program)) == 0)


def _program(machine: _Machine, pid: int) -> Iterator[bytes]:
    """The filter's instructions, 8 bytes each. A call under another architecture's numbers ends the process."""
    conditions = _CONDITIONS | {"tgkill": _Only(0, 0xFFFFFFFF, pid)}  # abort() sends its signal so
    yield _instruction(_LOAD, _ARCHITECTURE)
    yield _instruction(_IF_EQUAL, machine.audit, then=1)
    yield _instruction(_RETURN, _KILL)
    yield _instruction(_LOAD, _NUMBER)
    for name, numbers in _CALLS.items():
        if (number := numbers[machine.column]) is None:
            continue
        block = list(_decision(conditions.get(name)))
        yield _instruction(_IF_EQUAL, number, otherwise=len(block))
        yield from block
    yield _instruction(_RETURN, _DENY)


def _decision(condition: _Only | None) -> Iterator[bytes]:
    if condition is not None:
        yield _instruction(_LOAD, _ARGUMENTS + 8 * condition.argument)
        yield _instruction(_AND, condition.mask)
        yield _instruction(_IF_EQUAL, condition.value, then=1)
        yield _instruction(_RETURN, _DENY)
    yield _instruction(_RETURN, _ALLOW)


def _instruction(code: int, value: int, *, then: int = 0, otherwise: int = 0) -> bytes:
    """``then``, ``otherwise``: how many of the next instructions are left out."""
    return struct.pack("=HBBI", code, then, otherwise, value)
