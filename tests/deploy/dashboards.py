"""The shipped dashboard and alerts as data, and their expressions as Prometheus would get them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.support.processes import ROOT

DASHBOARD = ROOT / "deploy" / "grafana" / "dashboards" / "vibevoice-asr.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
UNIT_TESTS = ROOT / "tests" / "deploy" / "alerts_test.yml"
_CONDITION = re.compile(r"\s*(?:==|>|<)\s*[\d.]+$")


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def panels() -> list[dict[str, Any]]:
    """Without the rows that they stand in."""
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def panel_expressions() -> Iterator[tuple[str, str]]:
    """By the panel's title, with its variables filled in as for all replicas."""
    for panel in panels():
        for target in panel["targets"]:
            expression: str = target["expr"]
            yield panel["title"], expression.replace("$__rate_interval", "1m").replace("$instance", ".*")


def alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alert_expressions() -> Iterator[tuple[str, str]]:
    """By the alert's name, what is compared, without the comparison: that is empty as long as all is well."""
    for rule in alerts():
        compared, count = _CONDITION.subn("", rule["expr"])
        assert count == 1, f"{rule['alert']} compares nothing with a number"
        yield rule["alert"], compared
