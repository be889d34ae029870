"""What is committed when the text of a session is settled, with answers by script."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np

from model.seam.audio import SAMPLE_RATE
from server.engine.client.engine import Engine
from server.engine.client.stream import EngineStream
from server.live.captions.captions import Captions
from server.live.ears.gate import Passed
from server.live.settings import LiveSettings
from server.live.vocabulary.events import WordsCommitted
from server.transcript.detokenizer import Vocabulary
from server.transcript.segments import Segment
from server.windows.window import Block, Window


class ScriptedWindow(Window):
    """Answers with what is to be said of so much audio."""

    said: tuple[tuple[float, Segment], ...] = ()

    async def ask(self, *, whole: bool = False) -> tuple[Segment, ...]:
        return tuple(segment for needed, segment in self.said if self.heard_until >= needed)


class Stream:
    async def append(self, samples: object) -> None:
        pass

    def close(self) -> None:
        pass


def captions(*said: tuple[float, Segment]) -> Captions:
    class Told(ScriptedWindow):
        pass

    Told.said = said
    info = SimpleNamespace(max_positions=16_384, pages=4096, page_size=16, draft_positions=0)
    engine = SimpleNamespace(info=info, open=lambda *_, **__: cast(EngineStream, Stream()))
    return Captions(
        cast(Engine, engine),
        cast(Vocabulary, None),
        LiveSettings(),
        request_id="test",
        context=None,
        make_window=Told,
    )


def passed(start: float, end: float, spoken: float) -> Passed:
    samples = np.full(round((end - start) * SAMPLE_RATE), 0.1, np.float32)
    return Passed(Block(round(start * SAMPLE_RATE), samples), spoken)


async def test_speech_that_an_update_did_not_find_words_in_is_asked_about_again() -> None:
    """A word whose quiet end came after the update belongs to the turn that is settled then."""
    session = captions((1.5, Segment(0, 0.2, 1.1, 0, "Listen")))
    await session.take(passed(0.0, 1.2, 1.2))
    assert session.due
    assert not [event for event in await session.update() if isinstance(event, WordsCommitted)]
    await session.take(passed(1.2, 1.7, 0.0))
    [words] = [event for event in await session.settle() if isinstance(event, WordsCommitted)]
    assert words.text == "Listen"
    assert await session.settle() == []
