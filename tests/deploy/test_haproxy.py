"""The shipped load balancer in front of two real servers: work is shared, a lost replica hurts nobody else."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import openai
import pytest

from tests.deploy.balancer import Balancer
from tests.deploy.load import SilentCutError, load_on
from tests.support.processes import ServerProcess, wait_until
from tests.support.samples import TWO_SPEAKERS

REPLICAS = ("replica-1", "replica-2")
# As compose.yaml sets them.
DRAIN = (
    "--drain-notice-seconds",
    "3",
    "--drain-seconds",
    "120",
    "--trusted-proxies",
    "127.0.0.1",
    "--log-format",
    "json",
)


@pytest.fixture(scope="module")
def servers(haproxy: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ServerProcess]]:
    folder = tmp_path_factory.mktemp("replicas")
    with ExitStack() as stack:
        servers = {}
        for number, name in enumerate(REPLICAS, 1):
            own = ("--jobs-folder", str(folder / f"jobs-{number}"), "--jobs-name", str(number))
            servers[name] = stack.enter_context(ServerProcess(*DRAIN, *own, log=folder / f"{name}.log"))
        for server in servers.values():
            server.wait_ready()
        yield servers


@pytest.fixture(scope="module")
def balancer(
    haproxy: str, servers: dict[str, ServerProcess], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Balancer]:
    ports = [servers[name].port for name in REPLICAS]
    with Balancer(haproxy, ports, tmp_path_factory.mktemp("balancer")) as balancer:
        yield balancer


@pytest.fixture(autouse=True)
def whole(servers: dict[str, ServerProcess], balancer: Balancer) -> None:
    """Every test begins with two replicas, whatever the one before did to them."""
    for name, server in servers.items():
        if not server.group():
            server.start()
            server.wait_ready()
        balancer.wait_up(name, up=True)


def all_busy(balancer: Balancer) -> bool:
    return all(replica.current > 0 for replica in balancer.replicas().values())


async def test_uploads_and_streams_are_shared_by_both_replicas(balancer: Balancer) -> None:
    before = balancer.replicas()
    async with load_on(balancer.url, TWO_SPEAKERS, uploads=4, streams=4) as load:
        await load.more(16)

    assert not load.failures
    assert len({outcome.text for outcome in load.outcomes}) == 1
    given = {name: state.total - before[name].total for name, state in balancer.replicas().items()}
    assert sum(given.values()) == len(load.outcomes)
    assert min(given.values()) >= len(load.outcomes) // 4


def test_a_job_lives_where_it_was_born_and_is_found_there(
    servers: dict[str, ServerProcess], balancer: Balancer
) -> None:
    """Each replica has a folder of its own: what asks for a job is led to the one that its id names."""
    names = [str(number) for number, _ in enumerate(REPLICAS, 1)]
    with httpx.Client(base_url=balancer.url, timeout=60) as client:
        asked = {"files": {"file": TWO_SPEAKERS.read_bytes()}, "data": {"background": "true"}}
        made: list[str] = []
        while {job.split("_")[1] for job in made} != set(names) or len(made) < 3:
            accepted = client.post("/v1/audio/transcriptions", **asked)  # type: ignore[arg-type]
            assert accepted.status_code == httpx.codes.ACCEPTED, accepted.text
            made.append(accepted.json()["id"])
            assert len(made) < 20, "all of them at one replica"
        texts = set()
        for job in made:
            events = client.get(f"/v1/jobs/{job}/events").text  # until its end
            assert '"transcript.text.done"' in events
            (number,) = re.findall(r"id: (\d+)\nevent: transcript.text.done", events)
            assert client.get(f"/v1/jobs/{job}").json()["status"] == "completed"
            again = client.get(f"/v1/jobs/{job}/events", headers={"last-event-id": number})
            assert again.status_code == httpx.codes.NO_CONTENT
            texts.add(client.get(f"/v1/jobs/{job}/result", params={"response_format": "text"}).text)
        assert len(texts) == 1
    elsewhere = httpx.get(f"{servers['replica-2'].url}/v1/jobs/{next(job for job in made if '_1_' in job)}")
    assert (elsewhere.status_code, elsewhere.json()["error"]["code"]) == (421, "job_elsewhere")
    with httpx.Client(base_url=balancer.url, timeout=60) as client:
        for job in made:
            assert client.delete(f"/v1/jobs/{job}").json()["deleted"]


async def test_log_of_a_replica_names_the_client_not_the_balancer(
    servers: dict[str, ServerProcess], balancer: Balancer
) -> None:
    # Another address of this machine, which only the balancer sees.
    transport = httpx.AsyncHTTPTransport(local_address="127.0.0.9")
    forged = {"x-forwarded-for": "192.0.2.1"}
    async with httpx.AsyncClient(transport=transport, headers=forged, timeout=60) as client:
        for _ in range(4):
            (await client.get(f"{balancer.url}/v1/models")).raise_for_status()

    def clients() -> list[str]:
        """As the whole lines so far have them: one is written behind the end of the answer."""
        lines = [line for server in servers.values() for line in server.log.read_text().splitlines(keepends=True)]
        logged = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
        return [line["client"] for line in logged if line.get("route") == "/v1/models"]

    await asyncio.to_thread(wait_until, lambda: len(clients()) >= 4, "all are logged", 60)
    assert clients() == ["127.0.0.9"] * 4


async def test_killed_replica_costs_its_own_requests_only(
    servers: dict[str, ServerProcess], balancer: Balancer
) -> None:
    victim = servers["replica-1"]
    async with (
        load_on(balancer.url, TWO_SPEAKERS, uploads=3, streams=3) as load,
        load_on(balancer.url, TWO_SPEAKERS, uploads=2, streams=0, retries=2) as patient,
    ):
        await load.more(6)
        await asyncio.to_thread(wait_until, lambda: all_busy(balancer), "both replicas work", 60)
        counted = time.monotonic()
        in_flight = balancer.replicas()["replica-1"].current
        victim.kill()
        killed = time.monotonic()
        victim.wait(10)
        await asyncio.to_thread(balancer.wait_up, "replica-1", up=False)
        await load.more(10)

    # Clients of the dead replica heard so; nobody waited for an answer that could not come.
    assert len([failure for failure in load.failures if failure.began < counted]) <= in_flight
    for failure in load.failures:
        assert not isinstance(failure.error, SilentCutError | openai.APITimeoutError)
        assert failure.began < killed
        assert failure.ended < killed + 30
    assert [outcome for outcome in load.outcomes if outcome.began > killed]
    # Who tries again, as OpenAI's clients do by themselves, noticed nothing.
    assert patient.outcomes
    assert not patient.failures
    # The worker of a server that was killed does not stay behind with its memory.
    await asyncio.to_thread(wait_until, lambda: not victim.group(), "the worker followed its server", 30)


async def test_replica_that_comes_back_gets_work_again(servers: dict[str, ServerProcess], balancer: Balancer) -> None:
    servers["replica-1"].kill()
    servers["replica-1"].wait(10)
    await asyncio.to_thread(balancer.wait_up, "replica-1", up=False)
    await asyncio.to_thread(wait_until, lambda: not servers["replica-1"].group(), "the old worker is gone", 30)

    servers["replica-1"].start()
    await asyncio.to_thread(balancer.wait_up, "replica-1", up=True, seconds=120)
    before = balancer.replicas()["replica-1"].total
    async with load_on(balancer.url, TWO_SPEAKERS, uploads=4, streams=0) as load:
        await load.more(8)

    assert not load.failures
    assert balancer.replicas()["replica-1"].total > before


async def test_replica_that_is_asked_to_stop_loses_nothing(
    servers: dict[str, ServerProcess], balancer: Balancer
) -> None:
    leaving = servers["replica-2"]
    async with load_on(balancer.url, TWO_SPEAKERS, uploads=4, streams=4) as load:
        await load.more(4)
        await asyncio.to_thread(wait_until, lambda: all_busy(balancer), "both replicas work", 60)
        leaving.terminate()
        await asyncio.to_thread(balancer.wait_up, "replica-2", up=False)
        status = await asyncio.to_thread(leaving.wait, 150)
        await load.more(4)

    assert not load.failures
    assert status == 0
    assert not leaving.group()
