"""Whose word is taken for a client's address."""

from __future__ import annotations

import logging

import httpx
import pytest
from pydantic import ValidationError

from server.settings import Settings
from tests.support.scripted_server import running_server


@pytest.mark.parametrize(
    ("trusted", "client"),
    [
        ((), "127.0.0.1"),
        (("192.0.2.0/24",), "127.0.0.1"),
        (("127.0.0.1",), "198.51.100.7"),
        # What a trusted balancer got from one that is trusted too is believed as well.
        (("127.0.0.0/8", "198.51.100.0/24"), "203.0.113.9"),
    ],
    ids=["nobody", "others", "the balancer", "two balancers"],
)
def test_address_comes_from_who_is_trusted(
    trusted: tuple[str, ...], client: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own switch is not ours
    with running_server(ready=False, trusted_proxies=trusted) as server, caplog.at_level(logging.INFO, "server.access"):
        httpx.get(f"{server.url}/v1/models", headers={"x-forwarded-for": "203.0.113.9, 198.51.100.7"})
        server.wait_for(lambda: bool(caplog.records), "it is logged")
    fields = [vars(record)["fields"] for record in caplog.records if record.name == "server.access"]
    assert [line["client"] for line in fields] == [client]


def test_networks_are_checked() -> None:
    assert Settings.from_cli(["--trusted-proxies", "10.0.0.1, fd00::/8"]).trusted_proxies == ("10.0.0.1/32", "fd00::/8")
    for wrong in ("*", "balancer", "10.0.0.1/8"):
        with pytest.raises(ValidationError):
            Settings(trusted_proxies=(wrong,))
