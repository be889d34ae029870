"""The room for recordings without a server: engine, vocabulary and decoders, as a server has them, for this process."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from server.app import make_engine
from server.audio_in.decode_pool import DecodePool
from server.engine.client import supervisor
from server.engine.errors import EngineUnavailable
from server.http.descriptors import most_decoders
from server.http.preparation import Preparation, make_recordings
from server.recordings.recordings import Recordings
from server.resources import Budget, Resource, raise_descriptor_limit
from server.settings import Settings


class NotLoaded(Exception):  # noqa: N818 - it is the model that is not loaded
    """The model cannot be had. ``message`` says why, for whoever wants it."""

    def __init__(self, why: str) -> None:
        self.message = f"The model cannot be loaded: {why}"
        super().__init__(self.message)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Why the only start fails is raised, and not told twice."""
    logger = logging.getLogger(supervisor.__name__)

    def no_error(record: logging.LogRecord) -> bool:
        return record.levelno < logging.ERROR

    logger.addFilter(no_error)
    try:
        yield
    finally:
        logger.removeFilter(no_error)


@asynccontextmanager
async def open_recordings(settings: Settings) -> AsyncIterator[Recordings]:
    """Load the model into a worker process, which is gone when the context ends, however that is. Raises NotLoaded."""
    engine = make_engine(settings, failed_starts=1)
    preparation = Preparation(engine, settings.voice_encoder)
    decoders = DecodePool(most_decoders(raise_descriptor_limit(), settings.decode_processes))
    folder = tempfile.gettempdir()
    try:
        await engine.start()
        try:
            with _unlogged():
                vocabulary = await preparation.read()
        except EngineUnavailable as error:
            raise NotLoaded(preparation.fault or engine.failure or error.message) from None
        yield make_recordings(
            settings,
            engine,
            vocabulary,
            decoders,
            memory=Budget(Resource.MEMORY, settings.memory_budget),
            disk=Budget(Resource.DISK, settings.spool_budget(folder)),
            encoder=preparation.voices,
        )
    finally:
        await engine.close()
        await asyncio.to_thread(decoders.close)
        preparation.close()
