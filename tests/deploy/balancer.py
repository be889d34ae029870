"""The shipped load balancer configuration, run by a real HAProxy on loopback."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.support.processes import ROOT, free_port, wait_until

CONFIG = ROOT / "deploy" / "haproxy" / "haproxy.cfg"


@dataclass(frozen=True)
class ReplicaState:
    """One replica as the balancer sees it.

    Attributes:
        up: whether it gets new requests.
        checked: whether ``up`` comes from a check, not from the assumption at the start.
        current: requests on it now.
        total: requests it ever got.
    """

    up: bool
    checked: bool
    current: int
    total: int


class Balancer:
    """HAProxy with ``deploy/haproxy/haproxy.cfg``, unchanged, in front of servers on loopback ``ports``: one to eight.

    ``environment``: more of what the configuration reads.
    """

    def __init__(self, haproxy: str, ports: Sequence[int], folder: Path, **environment: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "haproxy.log"
        self._socket = folder / "stats"
        # Read by HAProxy beside the shipped file: the tests' view into it.
        view = folder / "view.cfg"
        view.write_text(f"global\n    stats socket {self._socket}\n")
        self._command = [haproxy, "-db", "-f", str(CONFIG), "-f", str(view)]
        self._count = len(ports)
        self._environment = {
            "BIND": self.url.removeprefix("http://"),
            **{f"REPLICA_{number}": f"127.0.0.1:{port}" for number, port in enumerate(ports, 1)},
            **environment,
        }

    def __enter__(self) -> Self:
        with self.log.open("wb") as output:
            self._process = subprocess.Popen(
                self._command,
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._checked, "the balancer has checked its replicas", 20)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(20)

    def _checked(self) -> bool:
        assert self._process.poll() is None, f"HAProxy ended: {self.log.read_text()}"
        return self._socket.exists() and all(replica.checked for replica in self.replicas().values())

    def replicas(self) -> dict[str, ReplicaState]:
        """What HAProxy's own statistics say, by the replica's name. Without the places where nobody is."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self._socket))
            connection.sendall(b"show stat\n")
            rows = csv.DictReader(connection.makefile("r", newline="").read().removeprefix("# ").splitlines())
        return {
            row["svname"]: ReplicaState(
                up=row["status"].startswith("UP"),
                checked=row["check_status"] not in {"", "INI"},
                current=int(row["scur"]),
                total=int(row["stot"]),
            )
            for row in rows
            if row["pxname"] == "replicas" and row["svname"] in {f"replica-{n + 1}" for n in range(self._count)}
        }

    def wait_up(self, name: str, *, up: bool, seconds: float = 30) -> None:
        """Until the balancer gives the replica requests, or no more of them."""
        wait_until(lambda: self.replicas()[name].up == up, f"{name} is {'up' if up else 'down'}", seconds)
