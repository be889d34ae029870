"""Recordings whose answer would come too late: the engine gives them up at once, whoever still holds them."""

from __future__ import annotations

import asyncio
import io
from functools import partial

import pytest

from server.audio_in.decode_pool import DecodePool
from server.audio_in.listening import Listening
from server.engine.messages import FailureCode
from server.recordings.deadline import DeadlineExceeded, within
from server.recordings.errors import EngineError
from server.recordings.transcription import Outcome
from server.recordings.wishes import Wishes
from tests.server.engine.conftest import eventually
from tests.server.recordings.conftest import file_of, noise, open_room
from tests.server.recordings.test_split import CALL, call
from tests.support.speaking_runner import SpeakingRunner, endless_answer

SLOW = partial(SpeakingRunner, step_seconds=0.2)
"""Takes a minute for the answers below: longer than anybody here waits."""


@pytest.mark.parametrize("split", [False, True])
async def test_the_device_is_free_while_the_caller_still_holds_the_recording(decoders: DecodePool, split: bool) -> None:
    file = io.BytesIO(call(*CALL) if split else file_of(noise(20.0)))
    wishes = Wishes(endless_answer()[:8_000], listening=Listening(split=split))
    async with open_room(decoders, SLOW) as room:
        with room.admit() as ticket:
            async with room.transcription(file, wishes, ticket=ticket, request_id="test") as transcription:
                transcription.deadline = asyncio.get_running_loop().time() + 0.3
                with pytest.raises(DeadlineExceeded):
                    await transcription.whole()
                assert (transcription.expired, transcription.outcome) == (True, Outcome.FAILED)
                await eventually(
                    lambda: (
                        room.engine.stats is not None
                        and room.engine.stats.running == room.engine.stats.waiting == room.engine.stats.pages_used == 0
                    )
                )


async def test_one_that_is_done_in_time_is_not_touched(decoders: DecodePool) -> None:
    async with open_room(decoders) as room:
        with room.admit() as ticket:
            file = io.BytesIO(file_of(noise(1.0)))
            async with room.transcription(file, Wishes("[]"), ticket=ticket, request_id="test") as transcription:
                transcription.deadline = asyncio.get_running_loop().time() + 60
                await transcription.whole()
                assert (transcription.expired, transcription.outcome) == (False, Outcome.TRANSCRIBED)


async def test_only_the_deadlines_own_end_is_called_so() -> None:
    with pytest.raises(TimeoutError):
        async with within(None), asyncio.timeout(0):
            await asyncio.sleep(1)
    with pytest.raises(EngineError):
        async with within(asyncio.get_running_loop().time() - 1):
            raise EngineError(FailureCode.INTERNAL, "")
    with pytest.raises(DeadlineExceeded):
        async with within(asyncio.get_running_loop().time() - 1):
            await asyncio.sleep(60)
