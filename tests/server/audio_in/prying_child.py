"""``python -m tests.server.audio_in.prying_child FOLDER``: confines itself as a decoder does, then tries everything.

Says on the pipe (standard input) how each attempt ended: an error's number, or null where it went well.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import mmap
import os
import resource
import signal
import socket
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from server.audio_in.confinement import confine

LIBC = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> None:
    ctypes.set_errno(0)
    if getattr(LIBC, name)(*arguments) == -1:
        raise OSError(ctypes.get_errno(), name)


def start_thread() -> None:
    try:
        threading.Thread(target=int).start()
    except RuntimeError as error:
        raise OSError(0, str(error)) from None


def attempts(folder: Path) -> dict[str, Callable[[], object]]:
    mine, parent = folder / "mine", os.getppid()
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    return {
        "read a file": lambda: Path("/etc/passwd").read_bytes(),
        "read its own environment": lambda: Path("/proc/self/environ").read_bytes(),
        "read the server's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "read the server's memory": lambda: call("process_vm_readv", parent, None, 0, None, 0, 0),
        "trace the server": lambda: call("ptrace", 16, parent, None, None),
        "open a file for writing": lambda: (folder / "new").write_bytes(b""),
        "open its own again for writing": lambda: mine.open("r+b"),
        "make a folder": lambda: (folder / "new").mkdir(),
        "delete a file": mine.unlink,
        "rename a file": lambda: mine.rename(folder / "other"),
        "list a folder": lambda: list(folder.iterdir()),
        "look at a file": mine.stat,
        "make a file in memory": lambda: os.memfd_create("x"),
        "make a pipe": os.pipe,
        "open a TCP socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "open an IPv6 socket": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        "open a UNIX socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "open a pair of sockets": socket.socketpair,
        "look a name up": lambda: socket.getaddrinfo("localhost", 80),
        "fork": lambda: os.fork() or os._exit(0),
        "start a program": lambda: os.posix_spawn("/bin/true", ["true"], {}),
        "start a thread": start_thread,
        "send the server a signal": lambda: os.kill(parent, 0),
        "have the kernel send it one": lambda: fcntl.fcntl(0, fcntl.F_SETOWN, parent),
        "send its threads a signal": lambda: call("tgkill", parent, parent, 0),
        "raise its memory": lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)),
        "raise its time": lambda: resource.setrlimit(resource.RLIMIT_CPU, (-1, -1)),
        "raise its files": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1)),
        "change another's limits": lambda: resource.prlimit(parent, resource.RLIMIT_CPU),
        "make memory executable": lambda: call("mprotect", ctypes.c_void_p(address), mmap.PAGESIZE, mmap.PROT_EXEC),
        "take executable memory": lambda: mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_EXEC),
        "change its name": lambda: call("prctl", 15, b"init", 0, 0, 0),
        "talk to a terminal": lambda: fcntl.ioctl(0, 0x5412, b"x"),  # TIOCSTI types for whoever sits there
        "run another program": lambda: os.execv("/bin/true", ["true"]),
    }


def outcome(attempt: Callable[[], object]) -> int | None:
    try:
        attempt()
    except OSError as error:
        return error.errno or 0
    return None


if __name__ == "__main__":
    pipe, wishes = Connection(0), attempts(Path(sys.argv[1]))
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    found = {"filtered": confine()}
    pipe.send_bytes(json.dumps(found | {name: outcome(attempt) for name, attempt in wishes.items()}).encode())
    pipe.recv_bytes()
