"""A session in which nobody speaks, over streams by script: nothing is asked of the model."""

from __future__ import annotations

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.live.live_transcriber import LiveTranscriber
from server.live.settings import LiveSettings
from server.live.vocabulary.events import AudioHeard, Finished, Flushed, IdleTimedOut, SessionEvent
from server.live.vocabulary.turn_detection import TurnDetection
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine
from tests.support.speaking_runner import CHECKPOINT


async def test_silence_that_is_too_long_is_told_and_flushed() -> None:
    author = Author(CHECKPOINT)
    engine = ScriptedEngine(author, [])
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=30.0, request_id="test")
    told: list[SessionEvent] = []
    async with LiveTranscriber(windows, LiveSettings()) as transcriber:
        transcriber.set_turns(TurnDetection(idle=1.0))
        await transcriber.hear(np.zeros(round(2.5 * SAMPLE_RATE), np.float32))
        transcriber.finish()
        told += [event async for event in transcriber if not isinstance(event, AudioHeard | Finished)]
    waits = [event for event in told if isinstance(event, IdleTimedOut)]
    assert len(waits) == 2
    assert waits[0].at == waits[1].since
    flushed = [event for event in told if isinstance(event, Flushed)]
    assert [(event.until, event.flush) for event in flushed] == [(event.at, event.flush) for event in waits]
    assert told.index(waits[0]) < told.index(flushed[0])
    assert engine.streams == []
