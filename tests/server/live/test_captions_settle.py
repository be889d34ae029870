"""What is committed when the text of a session is settled, with answers by script."""

from __future__ import annotations

import numpy as np
import pytest

from model.family import VIBEVOICE_ASR
from model.seam.audio import SAMPLE_RATE
from server.live.captions.captions import Captions
from server.live.vocabulary.events import WordsCommitted
from server.windows.block import Block
from server.windows.sequence import WindowSequence
from tests.support.author import Author
from tests.support.scripted_streams import ScriptedEngine, ScriptedStream
from tests.support.speaking_runner import CHECKPOINT

GRAMMAR = VIBEVOICE_ASR.grammar


def listen_when_it_is_heard(stream: ScriptedStream) -> str:
    return GRAMMAR.opening([GRAMMAR.segment(0.2, 1.1, 0, "Listen")]) + "]" if stream.seconds >= 1.5 else "[]"


def sound(start: float, end: float) -> Block:
    return Block(round(start * SAMPLE_RATE), np.full(round((end - start) * SAMPLE_RATE), 0.1, np.float32))


async def test_speech_that_an_update_did_not_find_words_in_is_asked_about_again() -> None:
    """A word whose quiet end came after the update belongs to the turn that is settled then."""
    author = Author(CHECKPOINT)
    engine = ScriptedEngine(author, [listen_when_it_is_heard] * 2)
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=30.0, request_id="test")
    session = Captions(windows, update=1.0, first_speech=1.0, settle=1.5)
    await session.take(sound(0.0, 1.2), 1.2)
    assert session.due
    assert not [event for event in await session.update() if isinstance(event, WordsCommitted)]
    await session.take(sound(1.2, 1.7), 0.0)
    [words] = [event for event in await session.settle() if isinstance(event, WordsCommitted)]
    assert words.text == "Listen"
    assert await session.settle() == []
    assert [question.whole for question in engine.streams[0][0].questions] == [False, True]


@pytest.mark.parametrize("wanted", [True, False])
async def test_words_come_with_log_probabilities_where_they_are_wanted(wanted: bool) -> None:
    author = Author(CHECKPOINT)
    said = GRAMMAR.opening([GRAMMAR.segment(0.2, 1.1, 0, "Listen to me.")]) + "]"
    engine = ScriptedEngine(author, [said])
    windows = WindowSequence(engine.as_engine, author.vocabulary, seconds=30.0, request_id="test")
    session = Captions(windows, update=1.0, first_speech=1.0, settle=1.5)
    session.set_logprobs(True)
    session.set_logprobs(wanted)
    await session.take(sound(0.0, 1.2), 1.2)
    [words] = [event for event in await session.settle() if isinstance(event, WordsCommitted)]
    assert words.text == "Listen to me."
    assert "".join(token.token for token in words.logprobs) == (words.text if wanted else "")
    assert {token.logprob for token in words.logprobs} == ({-0.1} if wanted else set())
