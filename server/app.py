"""The composition root: settings in, an ASGI application out. Importing or making one starts nothing."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.engine.worker.load import ModelWishes, load_model
from server.http.answers import NOTES_HEADER
from server.http.auth.accounts import HEADERS as RATE_LIMITS
from server.http.auth.callers import Keys, Places
from server.http.deepgram_error import REQUEST_ID_HEADER
from server.http.errors import install_error_handlers
from server.http.hosts import AllowedHosts
from server.http.job_requests import REPLAYED
from server.http.middleware.access_log import AccessLogMiddleware
from server.http.middleware.auth import AuthMiddleware
from server.http.middleware.body import BodyMiddleware
from server.http.middleware.browser_headers import BrowserHeadersMiddleware
from server.http.middleware.faults import FaultMiddleware
from server.http.middleware.pages import PagesMiddleware
from server.http.middleware.rate_limits import RateLimitMiddleware
from server.http.middleware.request_id import RequestIdMiddleware
from server.http.middleware.request_line import RequestLineMiddleware
from server.http.middleware.trace import TraceMiddleware
from server.http.openapi import describe
from server.http.origins import AllowedOrigins
from server.http.routes import (
    chat,
    client_secrets,
    deepgram,
    deepgram_grant,
    diarization,
    docs,
    flux,
    health,
    jobs,
    models,
    page,
    page_formats,
    realtime,
    transcriptions,
)
from server.http.service import Service
from server.live.live_transcriber import TranscriberFactory, make_transcriber
from server.settings import Settings
from server.tracing.environment import make_tracer
from server.tracing.tracer import Tracer
from server.version import VERSION
from server.windows.sequence import SPARE_SECONDS

EngineFactory = Callable[[Settings], Engine]
TracerFactory = Callable[[], Tracer]

ROUTERS = tuple(
    room.router
    for room in (
        transcriptions,
        chat,
        jobs,
        diarization,
        realtime,
        client_secrets,
        deepgram,
        flux,
        deepgram_grant,
        models,
        health,
        docs,
    )
)
_PROBES = frozenset({"/health", "/ready"})
_EXPOSED_HEADERS = (
    "x-request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    *RATE_LIMITS,
    NOTES_HEADER,
    REQUEST_ID_HEADER,
    "dg-error",
    "location",
    REPLAYED,
)
"""What pages of other origins may read of an answer beside its body."""


_WHOLE_HOUR = 3600.0
"""Seconds that the model was made to hear at once; longer recordings are heard in windows."""


def make_engine(settings: Settings, failed_starts: int | None = None) -> Engine:
    """The engine with the real model in its worker. ``failed_starts``: tries after which it is given up."""
    engine = engine_settings(settings)
    if failed_starts is not None:
        engine = replace(engine, max_failed_starts=failed_starts)
    return Engine(partial(load_model, model_wishes(settings)), engine)


def model_wishes(settings: Settings) -> ModelWishes:
    """What is loaded, as the settings have it."""
    return ModelWishes(
        settings.model,
        device=settings.device,
        dtype=settings.dtype,
        weights=settings.weights,
        revision=settings.revision,
        kv_positions=settings.kv_positions,
        steps=settings.steps,
        min_audio_seconds=60 * settings.min_audio_minutes,
        max_audio_seconds=_pass_seconds(settings),
        live_seconds=_live_seconds(settings),
        attention=settings.attention,
        deterministic=settings.deterministic,
        adapters=settings.named_adapters,
    )


def tracer_of_environment() -> Tracer:
    """As the variables of this process ask for. Raises TracingError."""
    return make_tracer(os.environ)


def engine_settings(settings: Settings) -> EngineSettings:
    """The part of the settings that is the engine's."""
    return EngineSettings(
        steps=settings.steps,
        max_requests=settings.max_requests,
        max_audio_seconds=settings.max_queued_audio_seconds,
        live_streams=settings.max_live_sessions,
        live_seconds=_live_seconds(settings),
        segment_seconds=settings.streaming_segment_duration,
        window_seconds=60 * settings.window_minutes,
        kept_streams=settings.kept_conversations,
        kept_seconds=60 * settings.kept_conversation_minutes,
        worker_timeout=settings.worker_timeout,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )


def _pass_seconds(settings: Settings) -> float:
    """Of the longest recording that is worth giving up speed for its being heard in one pass."""
    return min(settings.max_audio_seconds, max(_WHOLE_HOUR, 60 * settings.window_minutes))


def _live_seconds(settings: Settings) -> float:
    """Of a stream for a window."""
    return settings.live_window_seconds + SPARE_SECONDS


def create_app(
    settings: Settings | None = None,
    engine_factory: EngineFactory = make_engine,
    transcriber_factory: TranscriberFactory = make_transcriber,
    tracer_factory: TracerFactory = tracer_of_environment,
) -> FastAPI:
    """The application. Its lifespan owns the engine; before that it holds settings only, so it pickles.

    ``settings``: by default those of the environment, for ``uvicorn --factory server.app:create_app``.
    """
    settings = settings or Settings()
    keys = Keys(settings.keys, nobody=settings.key_limits)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = Service(settings, engine_factory(settings), keys, transcriber_factory, tracer_factory())
        app.state.service = service
        await service.start()
        try:
            yield
        finally:
            await service.close()

    app = FastAPI(
        title="VibeVoice-ASR server",
        description="Who said what when, over OpenAI-compatible HTTP.",
        version=VERSION,
        lifespan=lifespan,
        docs_url=None,  # `docs` serves a page of its own
        redoc_url=None,
        redirect_slashes=False,  # no path that comes here has any
        # Newer versions trace by themselves where they are told to, with paths and queries; `server.tracing` does not.
        telemetry={"tracing": False, "metrics": False, "logs": False, "auto_configure": False},
        middleware=_middleware(settings, keys),
    )
    install_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    if settings.page:
        app.include_router(page_formats.router)
        app.include_router(page.router)
    describe(app, ROUTERS, keyed=not keys.none, header=settings.key_in_x_api_key, query=settings.key_in_query)
    return app


def _middleware(settings: Settings, keys: Keys) -> list[Middleware]:
    """Outermost first. Faults are answered inside of the body's limits, whose lingering end an early answer needs."""
    outer = (
        RequestLineMiddleware,
        RequestIdMiddleware,
        BrowserHeadersMiddleware,
        TraceMiddleware,
        AccessLogMiddleware,
    )
    stack = [Middleware(each) for each in outer]
    if settings.cors_origins:
        stack.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "POST", "DELETE"),
                allow_headers=("*",),
                allow_private_network="*" not in settings.cors_origins,
                expose_headers=_EXPOSED_HEADERS,
            )
        )
    stack += [
        Middleware(
            BodyMiddleware,
            max_bytes=settings.max_upload_bytes,
            grace_seconds=settings.upload_grace_seconds,
            min_bytes_per_second=settings.upload_min_bytes_per_second,
            max_seconds=settings.longest_upload,
        ),
        Middleware(RateLimitMiddleware),
        Middleware(FaultMiddleware),
        _pages(settings),
    ]
    public = {*_PROBES, "/openapi.json", *docs.PATHS}
    if settings.page:
        public.update(page.paths())
    if settings.metrics_without_key:
        public.add("/metrics")
    places = Places(header=settings.key_in_x_api_key, query=settings.key_in_query)
    stack.append(Middleware(AuthMiddleware, keys=keys, places=places, public_paths=public))
    return stack


def _pages(settings: Settings) -> Middleware:
    """Where keys are needed, pages without one are harmless; origins are looked at where some were named."""
    keyed, named = bool(settings.keys), settings.cors_origins
    hosts = AllowedHosts(settings.allowed_hosts, bound=settings.host, keyed=keyed)
    origins = None if keyed and not named else AllowedOrigins(named)
    return Middleware(PagesMiddleware, hosts=hosts, origins=origins, probes=_PROBES)
