"""A Ray of one node on the loopback interface, and the server's replicas on it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import ray
from ray import serve

from deploy.ray.application import application

ADDRESS = "127.0.0.2"
"""Ray takes the machine's own address in the place of 127.0.0.1; this one it leaves on the loopback interface."""
_ROOT = Path(__file__).resolve().parents[2]
_CPUS = 4
_STORE_BYTES = 150_000_000
_WELL_SECONDS = 180.0
_REPLICA = b"ray::ServeReplica"


class RayServer:
    """Replicas of the bundled checkpoint. ``base``: where the proxy of the node listens."""

    def __init__(self, port: int) -> None:
        self.base = f"http://127.0.0.1:{port}"

    def deploy(self, replicas: int, environment: Mapping[str, str], *, longest_session: float = 60.0) -> None:
        """So many replicas, in the place of those that are there; returns when the new ones answer."""
        arguments = {
            "model": "tiny",
            "min_replicas": str(replicas),  # as a command line has it
            "max_replicas": replicas,
            "cpus": 1.0,
            "threads": 1,
            "longest_session": longest_session,
            "environment": {"VIBEVOICE_LOG_LEVEL": "warning", **environment},
        }
        serve.run(application(arguments))

    def replicas(self) -> set[int]:
        """Their process ids."""
        found = set()
        for command in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if command.read_bytes().startswith(_REPLICA):
                    found.add(int(command.parent.name))
            except OSError:
                continue
        return found

    def kill_one(self) -> int:
        """SIGKILL to a replica, whose worker goes with it. Returns which."""
        victim = min(self.replicas())
        os.kill(victim, signal.SIGKILL)
        return victim

    def wait_for(self, replicas: int, without: set[int]) -> None:
        """Until so many replicas run, none of those ``without``, and the server is ready. Raises TimeoutError."""
        end = time.monotonic() + _WELL_SECONDS
        while time.monotonic() < end:
            there = self.replicas()
            if len(there) == replicas and not there & without and self._running() == replicas:
                return
            time.sleep(0.1)
        raise TimeoutError(f"not {replicas} new replicas within {_WELL_SECONDS:g} s")

    def _running(self) -> int:
        deployments = serve.status().applications["default"].deployments.values()
        return sum(deployment.replica_states.get("RUNNING", 0) for deployment in deployments)

    def ready(self) -> bool:
        """Somebody would be answered now."""
        try:
            return httpx.get(f"{self.base}/ready", timeout=10).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


@contextmanager
def ray_server() -> Iterator[RayServer]:
    """Start Ray without replicas, with nothing listening beyond the loopback interface; stop it in the end."""
    port, http = _free_port(), _free_port()
    environment = {**os.environ, "PYTHONPATH": str(_ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    command = [str(Path(sys.executable).with_name("ray"))]
    head = [
        *("start", "--head", f"--node-ip-address={ADDRESS}", f"--port={port}", f"--num-cpus={_CPUS}"),
        *("--include-dashboard=false", "--disable-usage-stats", f"--object-store-memory={_STORE_BYTES}"),
    ]
    subprocess.run(command + head, env=environment, check=True, stdout=subprocess.DEVNULL)
    try:
        ray.init(address=f"{ADDRESS}:{port}", namespace="serve", log_to_driver=False, logging_level="warning")
        serve.start(http_options={"host": "127.0.0.1", "port": http})
        yield RayServer(http)
    finally:
        serve.shutdown()
        ray.shutdown()
        subprocess.run([*command, "stop", "--force"], check=True, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
