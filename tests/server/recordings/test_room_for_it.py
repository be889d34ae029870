"""What never fits is refused when its length is known, and before it waits for anybody."""

from __future__ import annotations

import io
from functools import partial

import pytest

from server.audio_in.decode_pool import DecodePool
from server.engine.messages import FailureCode
from server.recordings.errors import ContextTooLong, EngineError
from server.recordings.wishes import Wishes
from tests.server.recordings.conftest import Room, file_of, noise, open_room
from tests.support.speaking_runner import SpeakingRunner

POSITIONS = 96 + 256 + 14 * 60
"""For a minute at once, and no more."""
LONG = "quite ordinary words " * 40


async def refusal(room: Room, seconds: float, context: str | None = None) -> Exception:
    file = io.BytesIO(file_of(noise(seconds)))
    with room.admit() as ticket:
        opening = room.transcription(file, Wishes(context), ticket=ticket, request_id="test")
        with pytest.raises((EngineError, ContextTooLong)) as caught:
            await opening.__aenter__()
        assert room.engine.admission.audio_seconds == 0, "it was never in the queue"
    return caught.value


async def test_a_pool_without_room_for_half_a_minute_says_what_would_help(decoders: DecodePool) -> None:
    async with open_room(decoders, partial(SpeakingRunner, pages=60)) as room:
        error = await refusal(room, 40.0)
        assert isinstance(error, EngineError)
        assert error.code is FailureCode.TOO_LONG
        assert "30 s of audio heard at once" in error.message
        assert "--kv-positions" in error.message
        assert room.engine.stats is None or room.engine.stats.running == 0


async def test_a_context_that_leaves_no_useful_window_is_named(decoders: DecodePool) -> None:
    async with open_room(decoders, partial(SpeakingRunner, pages=POSITIONS // 8)) as room:
        error = await refusal(room, 70.0, LONG)
        assert isinstance(error, ContextTooLong)
        assert "audio" in error.limit
