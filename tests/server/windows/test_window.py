"""One window: what its stream is asked, and what is heard of the answers."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from model.family import VIBEVOICE_ASR
from model.family.vibevoice_asr.geometry import HOP
from model.seam.audio import SAMPLE_RATE, Level
from model.seam.streams import Question
from server.engine.client.stream import EngineStream
from server.transcript.segments import UNINTELLIGIBLE, Segment
from server.windows.block import Block
from server.windows.heard_audio import HeardAudio
from server.windows.speakers import Speakers
from server.windows.voices import VoiceSample
from server.windows.window import Window
from tests.support.author import Author
from tests.support.looping_stream import LoopingStream
from tests.support.scripted_streams import ScriptedStream, window_of

GRAMMAR = VIBEVOICE_ASR.grammar


def silence(start: float, seconds: float) -> Block:
    return Block(round(start * SAMPLE_RATE), np.zeros(round(seconds * SAMPLE_RATE), np.float32))


def asked(stream: ScriptedStream) -> list[tuple[str, str]]:
    """Prefix and guess of every question."""
    return [(question.prefix, question.guess) for question in stream.questions]


async def test_what_is_said_twice_is_closed_twice_each_at_its_own_time(author: Author) -> None:
    both = GRAMMAR.opening([GRAMMAR.segment(0.5, 1.0, 0, "Yes."), GRAMMAR.segment(4.0, 4.5, 0, "Yes.")])
    then = GRAMMAR.segment(5.0, 5.5, 1, "Well.")
    stream = ScriptedStream(author, [both + "]", f"{both},{then}]", f"{both},{then}]"])
    window = window_of(stream)
    await window.append(silence(0, 6))
    for segment in await window.ask():
        window.close_segment(segment)
    await window.ask()
    await window.ask()
    assert asked(stream) == [("", ""), (both, both), (both, f"{both},{then}")]


async def test_a_closed_segment_is_forced_as_the_model_wrote_it(author: Author) -> None:
    """In its own spelling, so that it goes on from its own tokens; what it never said so is spelled for it."""
    own = '{"Start":0,"End":1.50,"Speaker":0,"Content":"Caf\\u00e9 noir."}'
    later = GRAMMAR.segment(2.0, 2.5, 1, "One two one two one two one two.")
    stream = ScriptedStream(author, [f"[{own},{later}]", f"[{own}]"])
    window = window_of(stream)
    await window.append(silence(0, 6))
    first, _ = await window.ask()
    assert first.text == "Café noir."
    window.close_segment(first)
    await window.ask()
    assert asked(stream)[-1] == (f"[{own}", f"[{own},{later}")
    window.close_segment(Segment(1, 2.0, 2.5, 1, "One two."))
    assert stream.answers == []
    stream.answers.append(f"[{own},{GRAMMAR.segment(2.0, 2.5, 1, 'One two.')}]")
    await window.ask()
    assert stream.questions[-1].prefix == f"[{own},{GRAMMAR.segment(2.0, 2.5, 1, 'One two.')}"


async def test_nothing_new_is_heard_in_the_voices_in_front(author: Author) -> None:
    again, early = GRAMMAR.segment(0.0, 2.0, 1, "I say it again."), GRAMMAR.segment(1.5, 4.0, 1, "Good day.")
    stream = ScriptedStream(author, [GRAMMAR.opening([GRAMMAR.segment(0.0, 2.0, 1, "I am here."), again, early]) + "]"])
    window = window_of(stream)
    await window.introduce(VoiceSample(1, "I am here.", silence(7, 2)))
    await window.append(silence(100, 6))
    (heard,) = await window.ask()
    assert (heard.text, heard.start) == ("Good day.", 100.0)
    assert heard.end == pytest.approx(101.7)


async def test_a_frame_that_silence_fills_up_keeps_the_times_of_what_follows(author: Author) -> None:
    """What is appended behind it begins with the next frame of the model, and is told at its own time."""
    before, after = GRAMMAR.segment(0.0, 0.2, 0, "Yes."), GRAMMAR.segment(0.8, 1.5, 0, "No.")
    stream = ScriptedStream(author, [f"[{before}]", f"[{before},{after}]", f"[{before},{after}]"])
    window = window_of(stream)
    await window.append(silence(0, 5.5 * HOP / SAMPLE_RATE))
    await window.ask(whole=True)
    assert window.seconds == 0.8
    await window.append(silence(50, 1.0))
    for _ in range(2):
        _, heard = await window.ask()
        assert heard.start == 50.0
    assert [question.whole for question in stream.questions] == [True, False, False]
    assert stream.seconds == 5.5 * HOP / SAMPLE_RATE + 1.0, "the silence is the runner's"


@pytest.mark.parametrize("cured", [True, False])
async def test_an_answer_that_runs_in_circles_is_stopped_and_asked_for_again(author: Author, cured: bool) -> None:
    """Soon, once, and warmer; where that does not help, what is not understood is left to the next question."""
    yes, loop = GRAMMAR.segment(0.2, 1.0, 0, "Yes."), '{"Start":1.2,"End":2.0,"Speaker":1,"Content":"and'

    def model(question: Question, before: str) -> str:
        if not before:
            return f"[{yes},{loop}" + " malo malo," * 300
        return ' so on."}]' if cured and question.temperature else " malo malo," * 300

    stream = LoopingStream(author, model)
    numbers = Speakers(live=True).numbers(())
    window = Window(
        cast(EngineStream, stream), HeardAudio(), author.vocabulary, VIBEVOICE_ASR, Question(), Level(), numbers
    )
    await window.append(silence(0, 6))
    for whole in (False, True):
        written = stream.written
        first, second, *others = await window.ask(whole=whole)
        assert stream.written - written < 600
        assert (first.text, second.text[:9]) == ("Yes.", "and malo ")
        assert len(second.text) < 120
        assert second.text.endswith("so on.") == cured
        assert [segment.text for segment in others] == ([UNINTELLIGIBLE] if whole and not cured else [])
    assert [round(question.temperature, 1) for question in stream.questions[:2]] == [0.0, 0.2]
    assert not stream.closed
