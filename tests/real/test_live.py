"""Live captions in the real vocabulary, over the real engine: what is said comes once, with its speaker, without JSON.

The model is a script that goes on from whatever is forced, in the tokens that it would have written by itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from model.seam.audio import SAMPLE_RATE
from server.engine.client.engine import Engine
from server.engine.settings import EngineSettings
from server.live.captions.captions import Captions
from server.live.vocabulary.events import LiveEvent, SegmentCommitted, WordsCommitted
from server.transcript.detokenizer import Vocabulary
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.real.texts import SENTENCES
from tests.support.listening_runner import ListeningRunner, Said, audio_of
from tests.support.snapshot import snapshot
from tests.support.speaking_runner import CHECKPOINT

pytestmark = pytest.mark.asyncio(loop_scope="module")

TALKS: Mapping[str | None, list[Said]] = {
    kind: [Said(place % 3 % 2, text) for place, text in enumerate(sentences)] for kind, sentences in SENTENCES.items()
}


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


@pytest.fixture(scope="module")
def vocabulary(checkpoint_folder: Path) -> Vocabulary:
    return Vocabulary.load(checkpoint_folder)


class Windows(WindowSequence):
    """``rolls``: how often one followed another."""

    rolls = 0

    async def roll(self) -> None:
        self.rolls += 1
        await super().roll()


async def listen(captions: Captions, talk: list[Said], *, settle_after: float | None) -> list[LiveEvent]:
    """The events of a session that hears the talk at the speed of the engine, half a second at a time."""
    samples, events = audio_of(talk), list[LiveEvent]()
    piece = SAMPLE_RATE // 2
    for start in range(0, samples.size, piece):
        block = Block(start, samples[start : start + piece])
        events += await captions.take(block, block.seconds)
        if captions.due:
            events += await captions.update()
        if settle_after and (start + piece) % round(settle_after * SAMPLE_RATE) < piece:
            events += await captions.settle()
    events += await captions.settle()
    captions.close()
    return events


def told(events: list[LiveEvent]) -> list[Said]:
    """The segments that were closed, after a check that their words were committed before."""
    words: dict[int, str] = {}
    closed: list[Said] = []
    for event in events:
        if isinstance(event, WordsCommitted):
            words[event.segment] = words.get(event.segment, "") + event.lead * (event.segment in words) + event.text
        if isinstance(event, SegmentCommitted):
            assert event.segment.index == len(closed)
            assert event.segment.text == words[event.segment.index]
            assert event.segment.speaker is not None
            closed.append(Said(event.segment.speaker, event.segment.text))
    return closed


@pytest.mark.parametrize(
    ("window", "settle_after"), [(30.0, None), (30.0, 2.0), (10.0, None)], ids=["growing", "settled", "rolling"]
)
@pytest.mark.parametrize("kind", SENTENCES)
async def test_what_is_said_is_told_once_with_its_speaker(
    engine: Engine, vocabulary: Vocabulary, kind: str, window: float, settle_after: float | None
) -> None:
    windows = Windows(engine, vocabulary, seconds=window, request_id="test", context=kind)
    captions = Captions(windows, update=1.0, first_speech=1.0, settle=1.5)
    events = await listen(captions, TALKS[kind], settle_after=settle_after)
    assert told(events) == TALKS[kind]
    assert windows.rolls == (1 if window == 10.0 else 0)


@pytest.mark.parametrize("kind", [kind for kind in SENTENCES if kind != "JSON"])
async def test_log_probabilities_of_committed_words_are_those_of_their_characters(
    engine: Engine, vocabulary: Vocabulary, kind: str
) -> None:
    """Also where a token holds part of a character, or letters and JSON together."""
    captions = Captions(
        Windows(engine, vocabulary, seconds=10.0, request_id="test", context=kind),
        update=1.0,
        first_speech=1.0,
        settle=1.5,
    )
    captions.set_logprobs(True)
    carried: dict[int, bytes] = {}
    said: dict[int, str] = {}
    for event in await listen(captions, TALKS[kind], settle_after=2.0):
        if isinstance(event, WordsCommitted):
            spelled = b"".join(bytes(token.bytes) for token in event.logprobs)
            carried[event.segment] = carried.get(event.segment, b"") + spelled
            said[event.segment] = said.get(event.segment, "") + event.text
    assert len(said) == len(TALKS[kind])
    for segment, text in said.items():
        assert "".join(carried[segment].decode().split()) == "".join(text.split())
