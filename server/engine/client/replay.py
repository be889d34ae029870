"""The audio of a stream for a worker that does not have it yet."""

from __future__ import annotations

import logging
from contextlib import aclosing

from server.engine.client.request import Link, chunks
from server.engine.client.source import AudioSource
from server.engine.errors import EngineError
from server.engine.messages import AppendAudio, FailureCode

logger = logging.getLogger(__name__)


async def send_again(source: AudioSource, samples: int, link: Link, request_id: str) -> None:
    """Give the worker the first ``samples`` samples. Raises EngineError where the source has fewer, or fails."""
    try:
        await _send_again(source, samples, link)
    except EngineError:
        raise
    except Exception as error:
        logger.exception("stream cannot be replayed", extra={"fields": {"request_id": request_id}})
        raise EngineError(FailureCode.INTERNAL, "The audio of this request cannot be read again.") from error


async def _send_again(source: AudioSource, samples: int, link: Link) -> None:
    left = samples
    async with aclosing(source.replay()) as blocks:
        async for block in blocks:
            for chunk in chunks(block[:left]):
                await link.worker.send_audio(AppendAudio(link.number, chunk.tobytes()))
            left -= min(left, block.size)
            if not left:
                return
    raise EngineError(FailureCode.INTERNAL, "The audio of this request was shorter when it was read again.")
