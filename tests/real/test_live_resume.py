"""Captions that go on elsewhere, in the real vocabulary: every word once, with its speaker, wherever they were cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from model.seam.audio import SAMPLE_RATE
from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.live.captions.captions import Captions
from server.live.vocabulary.events import LiveEvent
from server.transcript.detokenizer import Vocabulary
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.real.test_live import TALKS, told
from tests.real.texts import SENTENCES
from tests.support.listening_runner import ListeningRunner, audio_of
from tests.support.snapshot import snapshot
from tests.support.speaking_runner import CHECKPOINT

pytestmark = pytest.mark.asyncio(loop_scope="module")
PIECE = SAMPLE_RATE // 2


@pytest.fixture(scope="module", params=["real", "twin's"])
def checkpoint_folder(request: pytest.FixtureRequest) -> Path:
    return snapshot() if request.param == "real" else CHECKPOINT


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(checkpoint_folder: Path) -> AsyncIterator[Engine]:
    runner = partial(ListeningRunner, checkpoint=checkpoint_folder, drafts=24, talks=TALKS)
    started = Engine(runner, EngineSettings())
    await started.start()
    await started.wait_ready()
    yield started
    await started.close()


def captions_of(engine: Engine, vocabulary: Vocabulary, kind: str, window: float) -> Captions:
    windows = WindowSequence(engine, vocabulary, seconds=window, request_id="test", context=kind)
    return Captions(windows, update=1.0, first_speech=1.0, settle=1.5)


@pytest.mark.parametrize("window", [30.0, 10.0])
@pytest.mark.parametrize("kind", SENTENCES)
async def test_every_word_is_told_once_however_often_captions_go_on_elsewhere(
    engine: Engine, checkpoint_folder: Path, kind: str, window: float
) -> None:
    vocabulary = Vocabulary.load(checkpoint_folder)
    samples, events = audio_of(TALKS[kind]), list[LiveEvent]()
    captions = captions_of(engine, vocabulary, kind, window)
    for number, start in enumerate(range(0, samples.size, PIECE)):
        block = Block(start, samples[start : start + PIECE])
        events += await captions.take(block, block.seconds)
        if captions.due:
            events += await captions.update()
        if number % 5 == 4:
            place, voices = captions.place(), captions.voices
            captions.close()
            captions = captions_of(engine, vocabulary, kind, window)
            captions.resume(place, voices)
            for first, last in place.heard:
                for again in range(first, last, PIECE):
                    part = Block(again, samples[again : min(again + PIECE, last)])
                    assert not await captions.take(part, part.seconds), "nothing is told before it has caught up"
    events += await captions.settle()
    captions.close()
    assert told(events) == TALKS[kind]
