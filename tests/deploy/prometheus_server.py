"""A real Prometheus with the shipped configuration, on loopback and in a hurry."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from tests.support.processes import ROOT, free_port, wait_until

FOLDER = ROOT / "deploy" / "prometheus"
_DEADLINE = 60.0
Sample = Mapping[str, Any]


class Prometheus:
    """Scrapes ``targets`` every second by ``deploy/prometheus/prometheus.yml``, changed in nothing else."""

    def __init__(self, program: str, targets: Sequence[str], folder: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._log = folder / "prometheus.log"
        config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["rule_files"] = [str(FOLDER / name) for name in config["rule_files"]]
        [job] = config["scrape_configs"]
        del job["dns_sd_configs"]
        job["static_configs"] = [{"targets": list(targets)}]
        file = folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        self._command = [
            program,
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
        ]

    def __enter__(self) -> Self:
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(self._command, stdout=output, stderr=subprocess.STDOUT)
        wait_until(self._ready, "Prometheus is ready", _DEADLINE)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)

    def _ready(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            return httpx.get(f"{self.url}/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def query(self, expression: str) -> list[Sample]:
        """The samples of an instant vector, now. Fails for what is no expression."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        result: list[Sample] = answer["data"]["result"]
        return result

    def numbers(self, expression: str) -> list[float]:
        """Its values, without those that are no numbers: a quantile of nothing, a part of nothing."""
        values = (float(sample["value"][1]) for sample in self.query(expression))
        return [value for value in values if math.isfinite(value)]

    def alerts(self) -> set[str]:
        """Names of those that fire or are about to."""
        alerts = httpx.get(f"{self.url}/api/v1/alerts").json()["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts}

    def targets(self) -> list[Sample]:
        """What is scraped, and how the last time went."""
        active: list[Sample] = httpx.get(f"{self.url}/api/v1/targets").json()["data"]["activeTargets"]
        return active
