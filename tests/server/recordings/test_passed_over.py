"""Windows of which the model says nothing, though somebody speaks in them."""

from __future__ import annotations

from functools import partial

import pytest

from model.seam.audio import Level, Samples
from server.audio_in.decode_pool import DecodePool
from server.recordings.windowed.windowing import SpeakerContinuity, Windowing
from tests.server.recordings.conftest import open_room
from tests.server.recordings.test_windows import TALK, WHOLE, Told, heard, linked, loud
from tests.support.recorded_talk import OverwhelmedRunner, recorded

WINDOWING = Windowing(24.0, SpeakerContinuity.INTRODUCED, has_voice=loud, has_speech=loud)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def never(_samples: Samples, _level: Level) -> bool:
    return False


def passed_over(told: Told) -> list[str]:
    """Notes of it."""
    return [note for note in told.transcript.notes if "says nothing" in note]


async def test_half_of_one_is_heard_again(decoders: DecodePool) -> None:
    async with open_room(decoders, partial(OverwhelmedRunner, talks={"talk": TALK})) as room:
        room.hear_in(WINDOWING)
        told = await heard(room, recorded(TALK))
    assert told.text == told.transcript.text == WHOLE
    assert not passed_over(told)


async def test_a_later_attempt_hears_the_same_windows(decoders: DecodePool) -> None:
    """Wherever the first one broke off, also within such a half."""
    content = recorded(TALK)
    async with open_room(decoders, partial(OverwhelmedRunner, talks={"talk": TALK})) as room:
        room.hear_in(WINDOWING)
        whole = await heard(room, content)
        for count, stood in enumerate(whole.stood, start=1):
            told = await heard(room, content, begun=whole.closed[:count], standings=stood)
            assert told.transcript.segments == whole.closed
            assert told.transcript.notes == whole.transcript.notes


@pytest.mark.parametrize("windowing", [WINDOWING, linked(24.0)], ids=lambda each: each.continuity.value)
async def test_what_is_passed_over_again_is_noted(decoders: DecodePool, windowing: Windowing) -> None:
    """Where somebody speaks, and not where there only might be a voice."""
    async with open_room(decoders, partial(OverwhelmedRunner, talks={"talk": TALK}, most_seconds=0.0)) as room:
        room.hear_in(Windowing(24.0, windowing.continuity, has_voice=loud, has_speech=loud))
        told = await heard(room, recorded(TALK))
        assert not told.closed
        assert passed_over(told)
        room.hear_in(Windowing(24.0, windowing.continuity, has_voice=loud, has_speech=never))
        assert not passed_over(await heard(room, recorded(TALK)))
