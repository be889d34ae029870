"""Jobs on Kubernetes: pods that keep their disks and names, behind the balancer that leads by these names."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from server.settings import Settings
from tests.deploy.test_kubernetes import IMAGES, Manifest, bytes_of, faults, mounted, rendered
from tests.support.processes import ROOT

NAME = "vibevoice-asr"
BALANCER = f"{NAME}-balancer"
LABEL = "app.kubernetes.io/name"
Manifests = dict[tuple[str, str], Manifest]


def named(overlay: str) -> Manifests:
    """By kind and name."""
    found = {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in rendered(overlay)}
    return {(kind, re.sub("-[a-z0-9]{10}$", "", name)): manifest for (kind, name), manifest in found.items()}


@pytest.fixture(scope="module", params=list(IMAGES))
def overlay(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def plain(overlay: str) -> Manifests:
    """Without jobs."""
    return named(overlay)


@pytest.fixture(scope="module")
def manifests(overlay: str) -> Manifests:
    return named(f"{overlay}-jobs")


@pytest.fixture
def replicas(manifests: Manifests) -> Manifest:
    found: Manifest = manifests["StatefulSet", NAME]["spec"]
    return found


@pytest.fixture
def balancer(manifests: Manifests) -> Manifest:
    found: Manifest = manifests["Deployment", BALANCER]["spec"]["template"]["spec"]
    return found


def test_manifests_are_what_their_schemas_say(manifests: Manifests, plain: Manifests) -> None:
    assert {name: faults(manifest) for name, manifest in manifests.items()} == {name: [] for name in manifests}
    assert set(plain) - set(manifests) == {("Deployment", NAME), ("ScaledObject", NAME)}
    assert len({manifest["metadata"].get("namespace") for manifest in manifests.values()}) == 2, "one has none"


def variables(pod: Manifest) -> dict[str, Any]:
    (container,) = pod["containers"]
    return {variable.pop("name"): variable for variable in map(dict, container["env"])}


def test_a_pod_is_as_without_jobs_but_for_them(replicas: Manifest, plain: Manifests) -> None:
    """So everything that is held against that one holds for this one."""
    before = plain["Deployment", NAME]["spec"]["template"]
    template = yaml.safe_load(yaml.safe_dump(replicas["template"]))
    (container,) = template["spec"]["containers"]
    own = {name: variable for name, variable in variables(template["spec"]).items() if "JOBS" in name}
    assert set(own) == {"VIBEVOICE_JOBS_FOLDER", "VIBEVOICE_JOBS_NAME", "VIBEVOICE_JOBS_BYTES"}
    container["env"] = [variable for variable in container["env"] if variable["name"] not in own]
    container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["name"] != "jobs"]
    assert template == before
    assert replicas["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()


def test_each_pod_has_a_disk_of_its_own_for_its_jobs(overlay: str, replicas: Manifest) -> None:
    (claim,) = replicas["volumeClaimTemplates"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    pod = replicas["template"]["spec"]
    (container,) = pod["containers"]
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == claim["metadata"]["name"]]
    given = variables(pod)
    assert mount["mountPath"] == given["VIBEVOICE_JOBS_FOLDER"]["value"]
    assert mount["mountPath"] in (ROOT / "docker" / IMAGES[overlay]).read_text(), "the image's own place for them"
    octets = int(given["VIBEVOICE_JOBS_BYTES"]["value"])
    assert octets <= 0.8 * bytes_of(claim["spec"]["resources"]["requests"]["storage"])
    assert pod["securityContext"]["fsGroup"], "or a new disk would be root's"
    assert {"jobs_folder", "jobs_name", "jobs_bytes"} <= set(Settings.model_fields)


def test_ids_of_jobs_lead_to_the_pod_that_has_them(
    manifests: Manifests, replicas: Manifest, balancer: Manifest
) -> None:
    """The pod's number is in the id, and the balancer's server of that number is the pod of that name."""
    name = variables(replicas["template"]["spec"])["VIBEVOICE_JOBS_NAME"]
    assert name["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.labels['apps.kubernetes.io/pod-index']"
    headless = manifests["Service", replicas["serviceName"]]
    assert headless["spec"]["clusterIP"] == "None"
    assert headless["spec"]["publishNotReadyAddresses"] is True
    namespace = headless["metadata"]["namespace"]
    (port,) = replicas["template"]["spec"]["containers"][0]["ports"]
    configuration = manifests["ConfigMap", "haproxy"]["data"]["haproxy.cfg"]
    assert configuration == (ROOT / "deploy" / "haproxy" / "haproxy.cfg").read_text()
    told = {key: variable["value"] for key, variable in variables(balancer).items()}
    known = re.findall(r'^    server replica-(\d+) "\$\{(REPLICA_\d+)\}"$', configuration, flags=re.MULTILINE)
    assert told == {
        variable: f"{NAME}-{number}.{replicas['serviceName']}.{namespace}.svc.cluster.local:{port['containerPort']}"
        for number, variable in known
    }
    first, count = replicas["ordinals"]["start"], replicas["replicas"]
    assert {str(number) for number in range(first, first + count)} <= {number for number, _ in known}


def test_the_way_in_leads_through_the_balancer(manifests: Manifests, balancer: Manifest, plain: Manifests) -> None:
    (rule,) = manifests["HTTPRoute", NAME]["spec"]["rules"]
    (before,) = plain["HTTPRoute", NAME]["spec"]["rules"]
    service = manifests["Service", BALANCER]["spec"]
    (port,) = service["ports"]
    assert rule == before | {"backendRefs": [{"name": BALANCER, "port": port["port"]}]}
    (container,) = balancer["containers"]
    assert port["targetPort"] == container["ports"][0]["name"]
    assert f":{container['ports'][0]['containerPort']}" in re.findall(
        r"presetenv BIND (\S+)", manifests["ConfigMap", "haproxy"]["data"]["haproxy.cfg"]
    )
    labels = manifests["Deployment", BALANCER]["spec"]["template"]["metadata"]["labels"]
    for chosen in (
        service["selector"],
        manifests["Deployment", BALANCER]["spec"]["selector"]["matchLabels"],
        manifests["PodDisruptionBudget", BALANCER]["spec"]["selector"]["matchLabels"],
        manifests["NetworkPolicy", BALANCER]["spec"]["podSelector"]["matchLabels"],
    ):
        assert chosen == {LABEL: BALANCER} == labels
    (inner,) = manifests["NetworkPolicy", NAME]["spec"]["ingress"]
    outside, own = inner["from"]
    assert own == {"podSelector": {"matchLabels": {LABEL: BALANCER}}}
    policy = manifests["NetworkPolicy", BALANCER]["spec"]
    assert policy["ingress"][0]["from"] == [outside]
    to_replicas, to_names = policy["egress"]
    assert to_replicas["to"] == [{"podSelector": {"matchLabels": {LABEL: NAME}}}]
    assert to_replicas["ports"] == inner["ports"]
    assert {port["port"] for port in to_names["ports"]} == {53}


def test_the_balancer_may_do_nothing_that_it_does_not_need(balancer: Manifest, replicas: Manifest) -> None:
    (container,) = balancer["containers"]
    (server,) = replicas["template"]["spec"]["containers"]
    assert container["securityContext"] == server["securityContext"]
    assert balancer["securityContext"]["runAsNonRoot"] is True
    assert balancer["automountServiceAccountToken"] is False
    assert all(mount["readOnly"] for mount, _ in mounted(balancer, container))
    assert container["resources"]["limits"]["memory"]
    composed = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["balancer"]
    assert container["image"] == composed["image"]
