"""The shipped dashboard and alerts: whole, of metrics that there are, and explained. No Prometheus runs here."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator

import httpx
import pytest
import yaml

from tests.deploy.dashboards import (
    ALERTS,
    DASHBOARD,
    UNIT_TESTS,
    alert_expressions,
    alerts,
    dashboard,
    panel_expressions,
    panels,
)
from tests.support.processes import ROOT
from tests.support.samples import SHORT
from tests.support.scripted_server import RunningServer, running_server
from tests.support.tools import tool

PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
_METRIC = re.compile(r"\basr_\w+")
_SUFFIX = re.compile(r"_(bucket|sum|count)$")
_LABELLED = re.compile(r"(asr_\w+)\{([^}]*)\}")


@pytest.fixture(scope="module")
def promtool() -> str:
    return tool("promtool", "prometheus")


@pytest.fixture(scope="module")
def used() -> Iterator[RunningServer]:
    """A server that has answered, so that every label is there."""
    with running_server(metrics_without_key=True) as running:
        httpx.post(f"{running.url}/v1/audio/transcriptions", files={"file": SHORT.read_bytes()}, timeout=60)
        httpx.post(f"{running.url}/v1/audio/transcriptions", files={"file": b"no audio"}, timeout=60)
        yield running


@pytest.fixture(scope="module")
def page(used: RunningServer) -> str:
    return httpx.get(f"{used.url}/metrics").text


def described(page: str) -> set[str]:
    """The names under which metrics are described: counters with their ``_total``."""
    return set(re.findall(r"^# TYPE (asr_\w+) ", page, re.MULTILINE))


ONLY_ON_A_DEVICE = {
    "asr_device_memory_bytes",
    "asr_device_memory_free_bytes",
    "asr_device_memory_allocated_bytes",
    "asr_device_memory_reserved_bytes",
}
"""Told where the device has memory of its own; tests/server/http/test_metrics.py sees them."""


def test_the_metrics_of_a_used_server_are_as_promtool_wants_them(promtool: str, page: str) -> None:
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_configuration_and_the_rules_are_right(promtool: str) -> None:
    for what, file in (("config", ALERTS.with_name("prometheus.yml")), ("rules", ALERTS)):
        done = subprocess.run([promtool, "check", what, str(file)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_fires_when_it_should_and_not_before(promtool: str) -> None:
    done = subprocess.run([promtool, "test", "rules", str(UNIT_TESTS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    tested: dict[str, set[bool]] = {}
    for test in yaml.safe_load(UNIT_TESTS.read_text())["tests"]:
        for case in test["alert_rule_test"]:
            tested.setdefault(case["alertname"], set()).add(bool(case.get("exp_alerts")))
    assert tested == {rule["alert"]: {True, False} for rule in alerts()}, "each is seen to fire and to be silent"


def test_panels_and_alerts_speak_of_metrics_that_there_are(page: str) -> None:
    for name, expression in (*panel_expressions(), *alert_expressions()):
        for metric in _METRIC.findall(expression):
            assert _SUFFIX.sub("", metric) in described(page) | ONLY_ON_A_DEVICE or metric in described(page), name


def test_every_value_of_a_label_that_is_asked_for_can_be() -> None:
    """A label's value in an expression that no server tells would be a panel that is empty for ever."""
    from server.metrics.metrics import Metrics

    samples = [sample for family in Metrics().registry.collect() for sample in family.samples]
    for name, expression in (*panel_expressions(), *alert_expressions()):
        for metric, selectors in _LABELLED.findall(expression):
            for label, pattern in re.findall(r'(\w+)=~?"([^"]*)"', selectors):
                values = {s.labels[label] for s in samples if s.name == metric and label in s.labels}
                if values:
                    assert all(any(re.fullmatch(part, value) for value in values) for part in pattern.split("|")), (
                        f"{name}: {label}={pattern}"
                    )


def test_the_dashboard_is_whole() -> None:
    board = dashboard()
    assert (board["uid"], board["schemaVersion"]) == ("vibevoice-asr", 41)
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "instance"}
    rows = [panel["title"] for panel in board["panels"] if panel["type"] == "row"]
    assert rows == ["Overview", "Quality of service", "Load", "Resources", "Live", "Jobs", "Faults"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    for panel in panels():
        assert panel["description"], panel["title"]
        for part in (panel, *panel["targets"]):
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert all('instance=~".*"' in expression for _, expression in panel_expressions())


def test_no_two_panels_overlap() -> None:
    placed = [(panel["title"], panel["gridPos"]) for panel in dashboard()["panels"]]
    for (one, a), (other, b) in itertools.combinations(placed, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        above = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or above, f"{one} and {other}"
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 for _, place in placed)


def test_grafana_finds_what_it_is_given() -> None:
    provisioning = DASHBOARD.parents[1] / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    [provider] = yaml.safe_load((provisioning / "dashboards" / "vibevoice-asr.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


def test_every_metric_stands_on_the_page_and_no_other(page: str) -> None:
    rows = set(re.findall(r"^\| `(asr_\w+)", PAGE, re.MULTILINE))
    assert rows == described(page) | ONLY_ON_A_DEVICE


def test_every_alert_is_explained(page: str) -> None:
    explained = set(re.findall(r"^\| `(Asr\w+)`", PAGE, re.MULTILINE))
    assert explained == {rule["alert"] for rule in alerts()}
