"""What all requests of one application share, from the start of its lifespan to the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import time

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from server.api.errors import shutting_down
from server.api.live.sessions import LiveSessions
from server.api.live.transcriber import Transcriber, TranscriberFactory, make_transcriber
from server.audio_in.clip import DecodePool
from server.engine.admission import Ticket
from server.engine.client import Engine, EngineState
from server.live.settings import LiveSettings
from server.metrics import Metrics
from server.settings import Settings
from server.transcript.detokenizer import Vocabulary


class Service:
    """The engine, the decoders and the figures, and whether new work is taken.

    Attributes:
        active_requests: whose answer has not ended, probes included.
        draining: the server is about to stop, so balancers should send work elsewhere.
        refusing: new work is refused.
        live: the places of the live sessions.
        created: Unix time of the start.
    """

    def __init__(
        self, settings: Settings, engine: Engine, transcriber_factory: TranscriberFactory = make_transcriber
    ) -> None:
        self.settings = settings
        self.engine = engine
        self.decoders = DecodePool(settings.decode_processes)
        self.metrics = Metrics()
        self.metrics.watch(engine, ready=lambda: self.ready, draining=lambda: self.draining)
        self.live = LiveSessions(settings.max_live_sessions)
        self.metrics.live_active.set_function(lambda: self.live.active)
        self.active_requests = 0
        self.draining = False
        self.refusing = False
        self.created = int(time())
        self._transcriber_factory = transcriber_factory
        self._live_settings = LiveSettings(update=settings.live_update_seconds, window=settings.live_window_seconds)
        self._vocabulary: Vocabulary | None = None
        self._vocabulary_lock = asyncio.Lock()

    async def start(self) -> None:
        """Start the engine and return; it becomes ready by itself."""
        await self.engine.start()

    async def close(self) -> None:
        """End every request's work. Harmless when repeated."""
        self.draining = self.refusing = True
        await self.engine.close()
        await run_in_threadpool(self.decoders.close)

    @property
    def ready(self) -> bool:
        return self.engine.state is EngineState.READY and not self.draining

    def admit(self) -> Ticket:
        """A place for one request. Raises ApiError while stopping, EngineUnavailable, Overloaded."""
        self._check_open()
        return self.engine.admission.enter()

    @contextmanager
    def place_for_session(self) -> Iterator[None]:
        """A place for one live session. Raises ApiError while stopping and when all are taken, EngineUnavailable."""
        self._check_open()
        with self.live.place():
            yield

    async def make_transcriber(self, request_id: str) -> Transcriber:
        """For a live session that has its place."""
        return self._transcriber_factory(self.engine, await self.vocabulary(), self._live_settings, request_id)

    def _check_open(self) -> None:
        if self.refusing:
            raise shutting_down()
        self.engine.check_ready()

    async def vocabulary(self) -> Vocabulary:
        """The checkpoint's, read when first needed; for requests that were admitted, so the engine has been ready."""
        async with self._vocabulary_lock:
            if self._vocabulary is None:
                assert self.engine.info is not None
                self._vocabulary = await run_in_threadpool(Vocabulary.load, Path(self.engine.info.checkpoint_path))
            return self._vocabulary


def service_of(scope: Scope) -> Service:
    """The service of the application that handles a request."""
    service: Service = scope["app"].state.service
    return service
