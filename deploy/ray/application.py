"""The server as a Ray Serve application: each replica is the whole server, with a worker and decoders of its own.

    serve run deploy.ray.application:application min_replicas=2 gpus=1

Ray places the replicas, replaces those that die, and has more of them while audio waits. Nothing is shared between
them. Everything else is set by ``VIBEVOICE_*`` in the environment of the replicas (``environment``), as everywhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.config import AutoscalingConfig, AutoscalingPolicy

from deploy.ray.fleet import Fleet
from deploy.ray.scaling import QUEUED, SESSIONS, WantedReplicas
from server.app import create_app
from server.http.service import Service

_HEALTH_SECONDS = 2.0
_DRAIN_SPARE_SECONDS = 60.0
"""Beyond the longest live session: for the last words, and for the files that are in work."""
_EVERYTHING = 10_000
"""Requests that Ray hands to a replica. How many there is room for only the server knows, and it refuses by itself."""


def application(arguments: Mapping[str, Any]) -> serve.Application:
    """What Ray Serve deploys. ``arguments``: of `Fleet`, as strings from a command line. Raises ValidationError."""
    fleet = Fleet.model_validate(arguments)
    environment = {
        "OMP_NUM_THREADS": str(fleet.threads),
        "VIBEVOICE_MODEL": fleet.model,
        # Ray listens, not the server, and names of the network lead to it: see docs/security.md.
        "VIBEVOICE_HOST": "0.0.0.0",  # noqa: S104
        "VIBEVOICE_LIVE_MAX_SECONDS": str(fleet.longest_session),
        **fleet.environment,
    }
    deployment = _REPLICA.options(
        max_ongoing_requests=_EVERYTHING,
        autoscaling_config=AutoscalingConfig(
            min_replicas=fleet.min_replicas,
            max_replicas=fleet.max_replicas,
            initial_replicas=fleet.min_replicas,
            upscale_delay_s=fleet.upscale_seconds,
            downscale_delay_s=fleet.downscale_seconds,
            metrics_interval_s=_HEALTH_SECONDS,
            look_back_period_s=2 * _HEALTH_SECONDS,
            policy=AutoscalingPolicy(
                policy_function=WantedReplicas,
                policy_kwargs={
                    "audio_seconds": fleet.audio_seconds_per_replica,
                    "sessions": fleet.sessions_per_replica,
                },
            ),
        ),
        ray_actor_options={
            "num_gpus": fleet.gpus,
            "num_cpus": fleet.cpus,
            "runtime_env": {"env_vars": environment},
        },
        graceful_shutdown_timeout_s=fleet.longest_session + _DRAIN_SPARE_SECONDS,
    )
    return deployment.bind()


def _ready_app() -> FastAPI:
    """The application, which has begun when its model is loaded: Ray sends requests from then on."""
    app = create_app()
    begin = app.router.lifespan_context

    @asynccontextmanager
    async def until_ready(app: FastAPI) -> AsyncIterator[Any]:
        async with begin(app) as state:
            await app.state.service.wait_ready()
            yield state

    app.router.lifespan_context = until_ready
    return app


class Server:
    """One replica.

    Attributes:
        app: which `serve.ingress` adds.
    """

    app: FastAPI

    @property
    def _service(self) -> Service | None:
        return getattr(self.app.state, "service", None)

    def check_health(self) -> None:
        """Raise where only a new replica helps. While a worker is replaced the server itself answers 503."""
        service = self._service
        if service is not None and service.failed:
            raise RuntimeError(service.failure or "the model cannot be had")

    def record_autoscaling_stats(self) -> dict[str, float]:
        """What is in work and waiting, by which the number of replicas is decided."""
        service = self._service
        if service is None:
            return {QUEUED: 0.0, SESSIONS: 0.0}
        return {QUEUED: service.engine.admission.audio_seconds, SESSIONS: float(service.live.active)}


_REPLICA: Any = serve.deployment(health_check_period_s=_HEALTH_SECONDS, health_check_timeout_s=30.0)(
    serve.ingress(_ready_app)(Server)
)
