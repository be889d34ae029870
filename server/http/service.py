"""What all requests of one application share, from the start of its lifespan to the end."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from time import time

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from server.audio_in.decode_pool import DecodePool
from server.context import ANY_ROOM, ContextRoom
from server.conversations.conversations import Conversations
from server.engine.client.admission import Ticket
from server.engine.client.engine import Engine, EngineState
from server.engine.errors import EngineUnavailable
from server.http.activity import Activity
from server.http.auth.accounts import Account
from server.http.auth.callers import Keys
from server.http.auth.resume_tokens import ResumeTokens
from server.http.descriptors import most_decoders
from server.http.errors import shutting_down
from server.http.job_host import open_jobs
from server.http.preparation import Preparation, make_recordings
from server.http.sockets.sessions import LiveSessions
from server.http.spool import Spool
from server.http.upload_places import UploadPlaces
from server.jobs.jobs import Jobs
from server.live.context_room import live_context_room
from server.live.live_transcriber import TranscriberFactory, make_transcriber
from server.live.vocabulary.transcriber import Transcriber
from server.metrics.metrics import Metrics
from server.recordings.recordings import Recordings
from server.recordings.wishes import Wishes
from server.resources import Budget, Resource, raise_descriptor_limit
from server.settings import Settings
from server.tracing.streams import record_stream
from server.tracing.tracer import NO_TRACES, Tracer
from server.transcript.detokenizer import Vocabulary

logger = logging.getLogger(__name__)

LAST_WORDS_SECONDS = 10.0
"""Live sessions are told to end so long before the drain time is over, or half of it: they run until then."""
CANCEL_SECONDS = 5
"""What is cancelled at the end has this long to tell its client."""


class Service:
    """The engine, the decoders and the figures, and whether new work is taken.

    Attributes:
        draining: the server is about to stop, so balancers should send work elsewhere.
        refusing: new work is refused.
        live: the places of the live sessions.
        resume_tokens: with which they go on elsewhere.
        uploads: those of bodies that come in.
        spool: where bodies are kept.
        memory: for bodies and for samples that wait for the model.
        tracer: whom spans are told.
        jobs: where there is a folder for them, from `start` on.
        created: Unix time of the start.
        keys: who may call.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine,
        keys: Keys,
        transcriber_factory: TranscriberFactory = make_transcriber,
        tracer: Tracer = NO_TRACES,
    ) -> None:
        self.settings = settings
        self.keys = keys
        self.engine = engine
        self.tracer = tracer
        if tracer.records:
            engine.on_trace = partial(record_stream, tracer)
        self.decoders = DecodePool(most_decoders(raise_descriptor_limit(), settings.decode_processes))
        secret = None if settings.resume_secret is None else settings.resume_secret.get_secret_value()
        self.resume_tokens = ResumeTokens(secret, keyed=not keys.none)
        if not self.resume_tokens.shared:
            logger.info("live sessions can only be resumed at this process: neither keys nor --resume-secret are set")
        self.live = LiveSessions(settings.max_live_sessions)
        self.uploads = UploadPlaces(settings.max_uploads)
        self.memory = Budget(Resource.MEMORY, settings.memory_budget)
        folder = tempfile.gettempdir()
        self.spool = Spool(Budget(Resource.DISK, settings.spool_budget(folder)), self.memory, folder)
        self.metrics = Metrics()
        self.metrics.watch(self)
        self.draining = False
        self.refusing = False
        self._activity = Activity()
        self.created = int(time())
        self._transcriber_factory = transcriber_factory
        self.jobs: Jobs | None = None
        self._preparation = Preparation(engine, settings.voice_encoder)
        self._vocabulary: Vocabulary | None = None
        self._recordings: Recordings | None = None
        self._conversations: Conversations | None = None
        self._preparing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the engine and return; it becomes ready by itself, and the service with it."""
        if self.settings.jobs_folder is not None:
            self.jobs = await run_in_threadpool(open_jobs, self.settings.jobs_folder, self)
            await self.jobs.start()
        await self.engine.start()
        self._preparing = asyncio.create_task(self._prepare(), name="preparation")

    async def wait_ready(self) -> None:
        """Return when requests can be answered. Raises EngineUnavailable when the service failed or was closed."""
        await self.engine.wait_ready()
        assert self._preparing is not None
        await asyncio.shield(self._preparing)

    async def _prepare(self) -> None:
        """Nobody is told before its end that the server is ready. Raises EngineUnavailable."""
        vocabulary = await self._preparation.read()
        self._vocabulary = vocabulary
        self._recordings = recordings = make_recordings(
            self.settings,
            self.engine,
            vocabulary,
            self.decoders,
            memory=self.memory,
            disk=self.spool.disk,
            encoder=self._preparation.voices,
        )
        self._conversations = Conversations(
            self.engine, vocabulary, recordings, self.memory, loop_guard=self.settings.loop_guard
        )

    async def drain(self) -> None:
        """Let balancers notice, refuse new work, wait for what runs, and end what is left. Then the service is closed.

        Whoever serves the application calls this before it stops; `hurry` cuts the waiting short.
        """
        self.draining = True
        if self.jobs is not None:
            await self.jobs.rest()
        await self._activity.wait(self.settings.drain_notice_seconds)
        self.refusing = True
        logger.info("draining", extra={"fields": {"active_requests": self.active_requests}})
        await self._activity.wait_idle(self.settings.drain_seconds - self.last_words_seconds)
        self.live.stopping.set()
        await self._activity.wait_idle(self.last_words_seconds)
        await self.close()
        await self._activity.wait_idle(CANCEL_SECONDS)

    def reload_keys(self) -> None:
        """Know the keys of the key file as it is now; where it cannot be read, those from before stay."""
        try:
            keys = self.settings.keys
        except ValueError as error:
            logger.error("the keys stay as they are: %s", error)
            return
        if not keys:
            logger.error("the keys stay as they are: there are none any more")
            return
        self.keys.replace(keys)
        logger.info("the keys were read again", extra={"fields": {"keys": len(keys)}})

    @property
    def last_words_seconds(self) -> float:
        """What a live session has to say its last words before the drain time is over."""
        return min(LAST_WORDS_SECONDS, self.settings.drain_seconds / 2)

    def hurry(self) -> None:
        """Do not wait for anything any more. Only from the event loop; may be called before `drain`, and again."""
        self._activity.hurry()

    @property
    def active_requests(self) -> int:
        """Requests whose answer has not ended, probes included."""
        return self._activity.requests

    def request(self) -> AbstractContextManager[None]:
        """From a request's begin to the end of its answer."""
        return self._activity.request()

    async def close(self) -> None:
        """End every request's work. Harmless when repeated."""
        self.draining = self.refusing = True
        if self.jobs is not None:
            await self.jobs.close()
        await self.engine.close()
        if self._preparing is not None:
            with suppress(EngineUnavailable):
                await self._preparing
        await run_in_threadpool(self.decoders.close)
        self._preparation.close()
        await run_in_threadpool(self.tracer.close)

    @property
    def failure(self) -> str | None:
        """Why requests cannot be answered, where something went wrong; for the operator's eyes."""
        return self._preparation.fault or self.engine.failure

    @property
    def failed(self) -> bool:
        """Only a restart of the process helps."""
        return self._preparation.fault is not None or self.engine.state is EngineState.FAILED

    @property
    def ready(self) -> bool:
        return self.state == EngineState.READY.value

    @property
    def state(self) -> str:
        """As the probes tell it: the engine's, "draining", and "starting" also while the vocabulary is read."""
        if self.draining:
            return "draining"
        if self.failed:
            return EngineState.FAILED.value
        if self.engine.state is EngineState.READY and self._vocabulary is None:
            return EngineState.STARTING.value
        return self.engine.state.value

    def check_room(self, announced: int, *, urgent: bool) -> None:
        """Raise what `admit` would raise now, and BudgetSpent where a body of so many bytes finds no room.

        For a request whose body is still to come. Nothing is kept for it.
        """
        self._check_open()
        self.recordings.check_room(urgent=urgent)
        self.spool.check(announced)

    def check_upload(self, announced: int) -> None:
        """The same for a request that takes no place in the engine."""
        if self.refusing:
            raise shutting_down()
        self.spool.check(announced)

    def admit(self, account: Account, *, urgent: bool) -> Ticket:
        """A place for one request, which was told that there is room when it came; its cost is charged to ``account``.

        Raises ApiError while stopping, EngineUnavailable, Overloaded.
        """
        if self.refusing:
            raise shutting_down()
        return self.recordings.admit(urgent=urgent, charge=account.charge)

    @contextmanager
    def place_for_session(self, account: Account, channels: int) -> Iterator[None]:
        """A place for each channel of a live session.

        Raises ApiError while stopping and when too many are taken, LimitReached (``account``'s), EngineUnavailable.
        """
        self._check_open()
        with self.live.places(account, channels):
            yield

    def make_transcriber(self, request_id: str) -> Transcriber:
        """For one channel of a live session that has its place."""
        assert self._vocabulary is not None
        return self._transcriber_factory(self.engine, self._vocabulary, self.settings.live, request_id)

    @property
    def live_context(self) -> ContextRoom:
        """What live sessions have room for in their prompts; no bound while nobody knows the model."""
        if self._vocabulary is None or self.engine.info is None:
            return ANY_ROOM
        return live_context_room(self.engine.info, self._vocabulary, self.settings.live)

    def _check_open(self) -> None:
        if self.refusing:
            raise shutting_down()
        self.engine.check_ready()
        if self._vocabulary is None:
            raise EngineUnavailable(1.0, self._preparation.fault or "The model is being loaded.")

    def check(self, wishes: Wishes) -> None:
        """Raise what can be told without the recording, as soon as anybody knows the model, ready or not."""
        if self._recordings is not None:
            self._recordings.check(wishes)

    @property
    def conversations(self) -> Conversations:
        """The room that answers in them; likewise."""
        assert self._conversations is not None
        return self._conversations

    @property
    def recordings(self) -> Recordings:
        """The room that transcribes them; for requests that were admitted, so the service has been ready."""
        assert self._recordings is not None
        return self._recordings


def service_of(scope: Scope) -> Service:
    """The service of the application that handles a request."""
    service: Service = scope["app"].state.service
    return service
